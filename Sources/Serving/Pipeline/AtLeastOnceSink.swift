package import KafkaClient
package import Logging

/// At least once: the offsets are committed after the broker has acknowledged every result. A crash in between answers
/// the requests of that set again.
package struct AtLeastOnceSink: AnswerSink {
    private static let commitAttempts = 3
    private static let commitRetryDelay = Duration.milliseconds(100)

    private let producer: KafkaProducer
    private let consumer: KafkaConsumer
    private let logger: Logger

    package init(producer: KafkaProducer, consumer: KafkaConsumer, logger: Logger) {
        self.producer = producer
        self.consumer = consumer
        self.logger = logger
    }

    package func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        do {
            for report in try await producer.produce(set.records) {
                if case .failed(let error) = report { return error.isFatal ? .fatal(error) : .aborted(error) }
            }
        } catch let error as KafkaError {
            return error.isFatal ? .fatal(error) : .aborted(error)
        } catch {
            return .aborted(KafkaError(operation: "produce", code: -1, name: "_FAIL", reason: "\(error)"))
        }
        return await commit(set.offsets)
    }

    /// A commit that fails for good is no reason to answer again: the results are out, the offsets only lag, and the
    /// next commit of the partition covers them. A member that was fenced off learns it from its next rebalance.
    private func commit(_ offsets: [TopicPartition: Int64]) async -> PublishOutcome {
        for attempt in 1...Self.commitAttempts {
            do {
                try await consumer.commit(offsets)
                return .committed
            } catch let error as KafkaError {
                if error.isFatal { return .fatal(error) }
                logger.warning(
                    "offset commit failed", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                guard error.isRetriable else { return .committed }
            } catch {
                logger.warning("offset commit failed", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                return .committed
            }
            try? await Task.sleep(for: Self.commitRetryDelay)
        }
        return .committed
    }
}
