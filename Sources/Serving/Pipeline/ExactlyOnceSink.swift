package import KafkaClient

/// Exactly once: results, dead letters and the offsets of the requests that they answer become visible together or not at
/// all. A process that was taken for dead and comes back is fenced: its transactional id and its group membership have
/// both moved on, and either ends its transaction.
package struct ExactlyOnceSink: AnswerSink {
    private let producer: TransactionalProducer
    private let consumer: KafkaConsumer

    /// - Parameter producer: ready: its transactions are initialised.
    package init(producer: TransactionalProducer, consumer: KafkaConsumer) {
        self.producer = producer
        self.consumer = consumer
    }

    package func publish(_ set: AnswerSet) async -> PublishOutcome {
        let group: ConsumerGroupMetadata
        do {
            group = try consumer.groupMetadata()
        } catch let error as KafkaError {
            return error.isFatal ? .fatal(error) : .aborted(error)
        } catch {
            return .aborted(KafkaError(operation: "group metadata", code: -1, name: "_FAIL", reason: "\(error)"))
        }
        switch await producer.transaction(records: set.records, offsets: set.offsets, group: group) {
        case .committed: return .committed
        case .aborted(let error): return .aborted(error)
        case .fatal(let error): return .fatal(error)
        }
    }
}
