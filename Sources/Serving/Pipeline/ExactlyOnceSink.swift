package import KafkaClient
import Synchronization

/// Exactly once: results, dead letters and the offsets of the requests that they answer become visible together or not at
/// all. A process that was taken for dead and comes back is fenced: its transactional id and its group membership have
/// both moved on, and either ends its transaction.
package final class ExactlyOnceSink: AnswerSink {
    private static let settlingTime = Duration.seconds(10)

    private let producer: TransactionalProducer
    private let consumer: KafkaConsumer
    /// Partitions of the last transaction's offsets, until the group is known to have settled them.
    private let unsettled = Mutex<[TopicPartition]>([])

    /// - Parameter producer: ready: its transactions are initialised.
    package init(producer: TransactionalProducer, consumer: KafkaConsumer) {
        self.producer = producer
        self.consumer = consumer
    }

    /// The membership is that of the assignment, not the current one: a member that lost its partitions and joined again
    /// while this set waited has a membership which the group honours, and answers which another member gives too.
    package func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        guard let membership else {
            return .aborted(
                KafkaError(
                    operation: "group metadata", code: -1, name: "_FAIL", reason: "no membership of the group"))
        }
        do {
            try await settle()
        } catch let error as KafkaError {
            return error.isFatal ? .fatal(error) : .aborted(error)
        } catch {
            return .aborted(KafkaError(operation: "committed offsets", code: -1, name: "_FAIL", reason: "\(error)"))
        }
        unsettled.withLock { $0 = Array(set.offsets.keys) }
        switch await producer.transaction(records: set.records, offsets: set.offsets, group: membership) {
        case .committed: return .committed
        case .aborted(let error): return .aborted(error)
        case .fatal(let error): return .fatal(error)
        }
    }

    /// Waits until the group coordinator has taken note of how the last transaction ended.
    ///
    /// Brokers before 4.0 do so some time after they acknowledged the end, and then apply that end to whatever offsets of
    /// this producer are pending: those of the next transaction, if they came first. Were that one aborted, by a crash
    /// say, its offsets would count and its requests would never be answered. A read of stable offsets is refused while
    /// any are pending, so once one succeeds the last transaction is over.
    private func settle() async throws {
        let partitions = unsettled.withLock { $0 }
        guard !partitions.isEmpty else { return }
        let deadline = ContinuousClock.now + Self.settlingTime
        while true {
            do {
                _ = try await consumer.committed(partitions, timeout: Self.settlingTime)
                return unsettled.withLock { $0 = [] }
            } catch let error as KafkaError where !error.isFatal && ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
