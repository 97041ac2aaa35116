/// Batches of records from a consumer whose rebalances are answered automatically with the committed offsets.
///
/// Ends when the consumer is closed or the iterating task is cancelled; throws a fatal ``KafkaError``. Other errors have
/// been counted and are survived. Nothing is committed: do that with ``KafkaConsumer/commit(_:)``.
public struct RecordBatches: AsyncSequence, Sendable {
    public typealias Element = [KafkaRecord]
    public typealias Failure = any Error

    let consumer: KafkaConsumer
    let tick: Duration
    let maximumRecords: Int
    let maximumBytes: Int

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(self)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private let source: RecordBatches
        private var wakes: AsyncStream<Void>.AsyncIterator
        private let ticker: Ticker
        private var pending: [ConsumerEvent] = []

        init(_ source: RecordBatches) {
            self.source = source
            wakes = source.consumer.wakes().makeAsyncIterator()
            ticker = Ticker(source.consumer, every: source.tick)
        }

        public mutating func next() async throws -> [KafkaRecord]? {
            while !source.consumer.isClosed, !Task.isCancelled {
                let events = source.consumer.drain(
                    maximumRecords: source.maximumRecords, maximumBytes: source.maximumBytes)
                var batch: [KafkaRecord]?
                for event in events {
                    switch event {
                    case .records(let records): batch = records
                    case .assigned(let partitions):
                        try source.consumer.assign(
                            Dictionary(uniqueKeysWithValues: partitions.map { ($0, Int64?.none) }))
                    case .revoked: try source.consumer.unassign()
                    case .failed(let error): if error.isFatal { throw error }
                    case .endOfPartition: break
                    }
                }
                if let batch { return batch }
                guard await wakes.next() != nil else { return nil }
            }
            return nil
        }
    }

    /// Wakes the iterator now and then, so that the group sees this member poll. Stops with the iterator.
    private final class Ticker: Sendable {
        private let task: Task<Void, Never>

        init(_ consumer: KafkaConsumer, every tick: Duration) {
            task = Task { [weak consumer] in
                while !Task.isCancelled {
                    do { try await Task.sleep(for: tick) } catch { return }
                    guard let consumer, !consumer.isClosed else { return }
                    consumer.fireWake()
                }
            }
        }

        deinit { task.cancel() }
    }
}

extension KafkaConsumer {
    /// The records of a simple reader, in batches; see ``RecordBatches``. One iteration at a time.
    ///
    /// - Parameter tick: how often to poll without traffic; below half ``ConsumerConfiguration/maxPollInterval``.
    public func records(
        tick: Duration = .seconds(1), maximumRecords: Int = 1000, maximumBytes: Int = 8 << 20
    ) -> RecordBatches {
        RecordBatches(consumer: self, tick: tick, maximumRecords: maximumRecords, maximumBytes: maximumBytes)
    }
}
