import KafkaClient
import Logging

/// Reads the registry topic to its very end, again and again, each time only what is new.
struct RegistryTail {
    private let partition: TopicPartition
    private let reader: RangeReader
    /// Sees open transactions too: where the log really ends.
    private let probe: KafkaConsumer
    private var position: Int64?
    private(set) var fold = RegistryFold()
    /// The CloudEvents ids read so far.
    private(set) var ids: Set<String> = []

    init(topic: String, kafka: KafkaConfiguration, logger: Logger) throws {
        partition = TopicPartition(topic: topic, partition: 0)
        var configuration = ConsumerConfiguration(kafka: kafka, groupID: "\(topic)-reader")
        reader = try RangeReader(configuration, logger: logger)
        configuration.isolationLevel = .readUncommitted
        probe = try KafkaConsumer(configuration, logger: logger)
    }

    /// - Throws: ``RegistryLogError/blocked(topic:stableOffset:endOffset:)`` while a transaction is open; ``KafkaError``,
    ///   ``RangeError``.
    mutating func advance() async throws {
        let kept = try await probe.watermarks(partition)
        let start = max(position ?? kept.low, kept.low)
        guard start < kept.high else { return }
        do {
            try await reader.start([partition: start..<kept.high])
        } catch let error as RangeError {
            // Committed reads end before the log does.
            guard case .outsideLog(_, _, let stable) = error, stable.upperBound < kept.high else { throw error }
            throw RegistryLogError.blocked(
                topic: partition.topic, stableOffset: stable.upperBound, endOffset: kept.high)
        }
        var records: [KafkaRecord] = []
        while let some = try await reader.next() { records += some }
        position = kept.high
        for record in records {
            if let id = record.firstHeaderValue(ignoringCase: RegistryEventCoding.Header.id) {
                ids.insert(String(decoding: id, as: UTF8.self))
            }
        }
        fold.take(records)
    }

    func close() async {
        await reader.close()
        await probe.close(deadline: .seconds(2))
    }
}
