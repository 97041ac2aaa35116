import KafkaClient
import Testing

/// A consumer with a manual assignment: no group to join, so no three seconds to wait.
struct TestReader {
    let consumer: KafkaConsumer
    let topic: String

    init(
        _ topic: String, partitions: Int32, from offset: Int64 = 0,
        configure: (inout ConsumerConfiguration) -> Void = { _ in }
    ) throws {
        self.topic = topic
        var configuration = ConsumerConfiguration(
            kafka: try TestBroker.configuration(), groupID: TestBroker.uniqueName("reader"))
        configure(&configuration)
        consumer = try KafkaConsumer(configuration, logger: TestBroker.logger)
        try consumer.assign(
            Dictionary(
                uniqueKeysWithValues: (0..<partitions).map { (TopicPartition(topic: topic, partition: $0), offset) })
        )
    }

    /// Drains until `count` records have come, or fails after the deadline.
    func records(
        _ count: Int, perDrain: Int = 1000, within deadline: Duration = .seconds(90),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [KafkaRecord] {
        var records: [KafkaRecord] = []
        try await poll(until: deadline, sourceLocation: sourceLocation) {
            for event in consumer.drain(maximumRecords: perDrain, maximumBytes: 8 << 20) {
                if case .records(let batch) = event { records += batch }
                if case .failed(let error) = event, error.isFatal { throw error }
            }
            return records.count >= count
        }
        return records
    }

    func close() async { await consumer.close() }
}

/// Calls `condition` until it is true; a test that waits for a cluster has nothing better to wait on.
func poll(
    until deadline: Duration = .seconds(90), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + deadline
    while try await !condition() {
        try #require(ContinuousClock.now < end, "not true within \(deadline)", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(2))
    }
}
