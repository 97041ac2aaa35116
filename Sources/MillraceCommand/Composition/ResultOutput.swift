import KafkaClient
import Logging
import Serving

/// The producer behind the results, of either delivery guarantee.
enum ResultOutput: Sendable {
    case exactlyOnce(TransactionalProducer)
    case atLeastOnce(KafkaProducer)

    /// The producer of the configured guarantee, introduced to its topics: it would take up to a second at the first
    /// answer.
    static func open(
        _ configuration: MillraceConfiguration, _ limits: TopicLimits = .init(), logger: Logger
    ) async throws -> ResultOutput {
        let output: ResultOutput =
            switch configuration.delivery {
            case .exactlyOnce:
                .exactlyOnce(try TransactionalProducer(try transactional(configuration, limits), logger: logger))
            case .atLeastOnce:
                .atLeastOnce(try KafkaProducer(try producer(configuration, limits), logger: logger))
            }
        do {
            try await output.start()
            let topics = configuration.topics
            for topic in [topics.results] + topics.requests.map({ $0 + topics.deadLetterSuffix }) {
                _ = try await output.partitionCount(of: topic)
            }
        } catch {
            await output.close(deadline: .seconds(1))
            throw error
        }
        return output
    }

    private static func producer(
        _ configuration: MillraceConfiguration, _ limits: TopicLimits
    ) throws -> ProducerConfiguration {
        var producer = try configuration.producerConfiguration()
        producer.maximumBatchBytes = min(producer.maximumBatchBytes, limits.batchBytes)
        return producer
    }

    private static func transactional(
        _ configuration: MillraceConfiguration, _ limits: TopicLimits
    ) throws -> TransactionalProducerConfiguration {
        var transactional = try configuration.transactionalProducerConfiguration()
        transactional.producer = try producer(configuration, limits)
        return transactional
    }

    /// Fences a predecessor of the same instance and settles what it left open.
    private func start() async throws {
        if case .exactlyOnce(let producer) = self { try await producer.initTransactions() }
    }

    private func partitionCount(of topic: String) async throws -> Int {
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
