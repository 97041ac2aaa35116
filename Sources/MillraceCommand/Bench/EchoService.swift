import KafkaClient
import Logging
import ServiceLifecycle
import Serving
import Synchronization

/// A service whose progress a benchmark can watch.
protocol MeasuredService: Service {
    /// Nil before it consumes.
    var statistics: PipelineStatistics.Snapshot? { get }
}

extension InferenceService: MeasuredService {}

/// Copies records from the request topic to the results topic: the service's own consumer, producer, sink and limits,
/// without decoding, models or results. What it reaches is the most that the service could.
final class EchoService: MeasuredService {
    private static let tick = Duration.milliseconds(500)

    private let configuration: MillraceConfiguration
    private let logger: Logger
    private let signal = WakeSignal()
    private let isStopping = Mutex(false)
    private let outcome = Mutex<PublishOutcome?>(nil)
    private let counts = PipelineStatistics()

    init(_ configuration: MillraceConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    var statistics: PipelineStatistics.Snapshot? { counts.snapshot }

    func run() async throws {
        let output = try await ResultOutput.open(configuration, logger: logger)
        let consumer = try KafkaConsumer(
            try configuration.consumerConfiguration(), logger: logger, wake: { [signal] in signal.signal() })
        try consumer.subscribe(to: configuration.topics.requests)
        let sink = output.sink(with: consumer, logger: logger)
        let result: Result<Void, any Error>
        do {
            try await withGracefulShutdownHandler {
                try await withThrowingDiscardingTaskGroup { try await self.copy(from: consumer, to: sink, in: &$0) }
            } onGracefulShutdown: {
                self.isStopping.withLock { $0 = true }
                self.signal.signal()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await consumer.close(deadline: .seconds(5))
        await output.close(deadline: .seconds(5))
        try result.get()
    }

    /// One set is published while the next one gathers, as in the pipeline.
    private func copy(
        from consumer: KafkaConsumer, to sink: any AnswerSink, in group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        let limit = configuration.pipeline.maximumRowsInFlight
        var gathering = AnswerSet()
        var publishing = 0
        while !isStopping.withLock({ $0 }) || publishing > 0 {
            if let outcome = outcome.withLock({ $0.take() }) {
                guard case .committed = outcome else {
                    throw CommandFailure(.broker, "the copy could not be published: \(outcome)")
                }
                counts.countPublished(publishing)
                publishing = 0
            }
            let room = limit - publishing - gathering.requestCount
            if room > 0 {
                let drained = consumer.drain(
                    maximumRecords: min(room, 2000), maximumBytes: configuration.pipeline.maximumBytesInFlight)
                for event in drained { try handle(event, of: consumer, into: &gathering) }
            }
            if publishing == 0, !gathering.isEmpty {
                let set = gathering
                gathering = AnswerSet()
                publishing = set.requestCount
                let membership = try consumer.groupMetadata()
                group.addTask {
                    let outcome = await sink.publish(set, under: membership)
                    self.outcome.withLock { $0 = outcome }
                    self.signal.signal()
                }
            }
            await signal.wait(until: .now + Self.tick)
        }
    }

    private func handle(_ event: ConsumerEvent, of consumer: KafkaConsumer, into set: inout AnswerSet) throws {
        switch event {
        case .records(let records):
            for record in records {
                set.records.append(
                    ProducerRecord(
                        topic: configuration.topics.results, partition: record.topicPartition.partition,
                        key: record.key, value: record.value, headers: record.headers))
                set.offsets[record.topicPartition] = record.offset + 1
            }
            set.requestCount += records.count
        case .assigned(let partitions):
            try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, nil) }))
        case .revoked: try consumer.unassign()
        case .failed(let error) where error.isFatal: throw error
        case .failed, .endOfPartition: return
        }
    }
}
