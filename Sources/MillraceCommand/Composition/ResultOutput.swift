import KafkaClient
import Logging
import Serving

/// The producer behind the results, of either delivery guarantee.
enum ResultOutput: Sendable {
    case exactlyOnce(TransactionalProducer)
    case atLeastOnce(KafkaProducer)

    /// Fences a predecessor of the same instance and settles what it left open.
    func start() async throws {
        if case .exactlyOnce(let producer) = self { try await producer.initTransactions() }
    }

    func partitionCount(of topic: String) async throws -> Int {
        switch self {
        case .exactlyOnce(let producer): try await producer.partitionCount(of: topic)
        case .atLeastOnce(let producer): try await producer.partitionCount(of: topic)
        }
    }

    func sink(with consumer: KafkaConsumer, logger: Logger) -> any AnswerSink {
        switch self {
        case .exactlyOnce(let producer): ExactlyOnceSink(producer: producer, consumer: consumer)
        case .atLeastOnce(let producer): AtLeastOnceSink(producer: producer, consumer: consumer, logger: logger)
        }
    }

    func close(deadline: Duration) async {
        switch self {
        case .exactlyOnce(let producer): await producer.close(deadline: deadline)
        case .atLeastOnce(let producer): await producer.close(deadline: deadline)
        }
    }
}
