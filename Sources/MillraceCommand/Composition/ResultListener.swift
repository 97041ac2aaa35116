import KafkaClient
import Logging
import Serving

/// Reads a topic of results or events, by default from where it ended when the listener was opened, outside of any consumer group's offsets.
final class ResultListener: Sendable {
    private static let tick = Duration.milliseconds(500)
    private static let drainLimit = 5000

    private let consumer: KafkaConsumer
    private let signal: WakeSignal

    private init(consumer: KafkaConsumer, signal: WakeSignal) {
        self.consumer = consumer
        self.signal = signal
    }

    /// - Parameters:
    ///   - topic: default: the results topic.
    ///   - fromStart: reads what the topic holds already, too.
    ///   - timeout: how long each question to the brokers may take.
    /// - Throws: `KafkaError` when they do not answer, ``CommandFailure`` when there is no such topic.
    static func open(
        _ configuration: MillraceConfiguration, topic: String? = nil, fromStart: Bool = false,
        timeout: Duration = .seconds(30), logger: Logger
    ) async throws -> ResultListener {
        let topic = topic ?? configuration.topics.results
        let admin = try KafkaAdmin(
            try configuration.kafkaConfiguration(role: "listener-admin"), timeout: timeout, logger: logger)
        let metadata: ClusterMetadata
        do {
            metadata = try await admin.metadata()
        } catch {
            await admin.close(deadline: .seconds(1))
            throw error
        }
        await admin.close(deadline: .seconds(1))
        guard let found = metadata.topics[topic], !found.partitions.isEmpty else {
            throw CommandFailure(
                .notFound, "topic \"\(topic)\" does not exist on \(configuration.bootstrapServers)")
        }
        let signal = WakeSignal()
        // Never subscribes and never commits: the group's name is only what the client library asks for.
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(
                kafka: try configuration.kafkaConfiguration(role: "listener"),
                groupID: "\(configuration.applicationID)-listener"),
            logger: logger, wake: { signal.signal() })
        let listener = ResultListener(consumer: consumer, signal: signal)
        do {
            var positions: [TopicPartition: Int64?] = [:]
            for position in found.topicPartitions {
                let kept = try await consumer.watermarks(position, timeout: timeout)
                positions[position] = fromStart ? kept.low : kept.high
            }
            try consumer.assign(positions)
        } catch {
            await listener.close()
            throw error
        }
        return listener
    }

    /// Waits for records and hands them on in batches until `handle` returns false or the time is up.
    /// - Throws: a fatal `KafkaError`, `CancellationError`.
    func receive(until deadline: ContinuousClock.Instant, _ handle: ([KafkaRecord]) -> Bool) async throws {
        while .now < deadline {
            // The wait of a cancelled task returns at once.
            try Task.checkCancellation()
            var isDrained = true
            for event in consumer.drain(maximumRecords: Self.drainLimit, maximumBytes: 64 << 20) {
                switch event {
                case .records(let records):
                    isDrained = false
                    if !handle(records) { return }
                case .failed(let error) where error.isFatal: throw error
                default: continue
                }
            }
            if isDrained { await signal.wait(until: min(deadline, .now + Self.tick)) }
        }
    }

    /// The first record that `matches`; nil when none comes in time.
    func first(within timeout: Duration, where matches: (KafkaRecord) -> Bool) async throws -> KafkaRecord? {
        var found: KafkaRecord?
        try await receive(until: .now + timeout) { records in
            found = records.first(where: matches)
            return found == nil
        }
        return found
    }

    func close() async {
        await consumer.close(deadline: .seconds(2))
    }
}
