public import Logging

/// Reads ranges of partitions once, outside of any group: what a tool needs that looks at a topic.
///
/// ```swift
/// let reader = try RangeReader(configuration, logger: logger)
/// try await reader.start([TopicPartition(topic: "results", partition: 0): 0..<1000])
/// while let records = try await reader.next() { … }
/// await reader.close()
/// ```
///
/// Never joins the configuration's group and never commits. One task owns a reader.
public final class RangeReader: Sendable {
    private static let tick = Duration.milliseconds(200)

    private let consumer: KafkaConsumer
    private let wakes: AsyncStream<Void>
    private let open = OpenRanges()

    /// - Throws: ``KafkaConfigurationError`` naming the property that cannot be used.
    public init(_ configuration: ConsumerConfiguration, logger: Logger) throws {
        var configuration = configuration
        configuration.reportsEndOfPartition = true
        // A range that the log does not hold (any more) is an error: reading on elsewhere would be silent loss.
        configuration.autoOffsetReset = .error
        consumer = try KafkaConsumer(configuration, logger: logger)
        wakes = consumer.wakes()
    }

    /// Starts to read, in place of earlier ranges. Empty ranges count as read. For a `read_committed` reader the log ends at
    /// its first open transaction.
    ///
    /// - Throws: ``RangeError/outsideLog(_:requested:kept:)`` for a range that the log does not hold; ``KafkaError``.
    public func start(_ ranges: [TopicPartition: Range<Int64>], timeout: Duration = .seconds(30)) async throws {
        let ranges = ranges.filter { !$0.value.isEmpty }
        for (partition, range) in ranges.sorted(by: { $0.key < $1.key }) {
            let kept = try await consumer.watermarks(partition, timeout: timeout)
            guard range.lowerBound >= kept.low, range.upperBound <= kept.high else {
                throw RangeError.outsideLog(partition, requested: range, kept: kept.low..<max(kept.low, kept.high))
            }
        }
        open.set(ranges)
        try consumer.assign(ranges.mapValues { $0.lowerBound })
    }

    /// The next records in the ranges, each partition's in order of its offsets.
    ///
    /// A range ends at its upper bound, or where the partition ends for this reader: `read_committed` sees neither open
    /// nor aborted transactions.
    ///
    /// - Parameters:
    ///   - patience: how long to wait for anything to arrive.
    ///   - maximumRecords: at most so many.
    /// - Returns: nil once every range has been read.
    /// - Throws: ``RangeError/stalled(_:)`` when nothing arrived in time, ``KafkaError`` when reading is impossible.
    public func next(
        patience: Duration = .seconds(30), maximumRecords: Int = 5000, maximumBytes: Int = 32 << 20
    ) async throws -> [KafkaRecord]? {
        let deadline = ContinuousClock.now + patience
        var iterator = wakes.makeAsyncIterator()
        while !open.isEmpty {
            try Task.checkCancellation()
            var taken: [KafkaRecord] = []
            for event in consumer.drain(maximumRecords: maximumRecords, maximumBytes: maximumBytes) {
                switch event {
                case .records(let records): taken += open.take(records)
                case .endOfPartition(let partition): open.finish(partition)
                case .failed(let error) where error.isFatal || Self.endsReading(error): throw error
                default: continue
                }
            }
            if !taken.isEmpty { return taken }
            if open.isEmpty { break }
            guard .now < deadline else { throw RangeError.stalled(open.positions) }
            let consumer = consumer
            // The timer: some of what a drain has to see wakes nobody.
            let timer = Task {
                try await Task.sleep(for: Self.tick)
                consumer.fireWake()
            }
            _ = await iterator.next()
            timer.cancel()
        }
        return nil
    }

    /// Retention has passed the reader, or the topic has gone: waiting brings nothing.
    private static func endsReading(_ error: KafkaError) -> Bool {
        [
            "_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC",
            "_UNKNOWN_PARTITION",
            "TOPIC_AUTHORIZATION_FAILED",
        ].contains(error.name)
    }

    public func close(deadline: Duration = .seconds(2)) async {
        await consumer.close(deadline: deadline)
    }
}
