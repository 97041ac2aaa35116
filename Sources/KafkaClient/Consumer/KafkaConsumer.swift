public import Logging
import Synchronization

/// A group member that hands over records in bulk and leaves every decision to its owner: when to drain, how to answer a
/// rebalance, what to commit.
///
/// ```swift
/// let (wakes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
/// let consumer = try KafkaConsumer(configuration, logger: logger) { signal.yield() }
/// try consumer.subscribe(to: ["requests"])
/// for await _ in wakes {
///     for event in consumer.drain(maximumRecords: 1000, maximumBytes: 8 << 20) {
///         switch event {
///         case .records(let records): …
///         case .assigned(let partitions): try consumer.assign(positions(of: partitions))
///         case .revoked: try consumer.unassign()
///         …
/// ```
///
/// Draining is also what tells the group that this member is alive: call
/// ``drain(maximumRecords:maximumBytes:)`` at least every half ``ConsumerConfiguration/maxPollInterval`` even when nothing
/// woke the owner, and while partitions are paused. For simple readers ``records(tick:maximumRecords:maximumBytes:)`` does
/// all that.
///
/// One task should own a consumer. Calls from several are safe, but their order is then the caller's problem.
public final class KafkaConsumer: Sendable {
    private static let watermarksDelay = Duration.milliseconds(50)

    public let configuration: ConsumerConfiguration
    private let handle: ConsumerHandle
    private let thread: BlockingThread
    private let closed = Latch()
    private let isClosing = Mutex(false)
    private let signal: WakeSignal

    /// Connects in the background; an unreachable cluster shows as ``ConsumerEvent/failed(_:)``, not here.
    ///
    /// - Parameter wake: called on a librdkafka thread when there is something to drain after there was nothing, and when
    ///   a drain stopped at its limit. Must only signal.
    /// - Throws: ``KafkaConfigurationError`` naming the property that cannot be used.
    public init(
        _ configuration: ConsumerConfiguration, logger: Logger, wake: @escaping @Sendable () -> Void = {}
    ) throws {
        self.configuration = configuration
        let signal = WakeSignal(wake)
        self.signal = signal
        let prefetch = PrefetchWatch(
            maximumRecords: configuration.maximumQueuedRecords, maximumBytes: configuration.maximumQueuedBytes)
        handle = try ConsumerHandle(configuration.nativeProperties(), prefetch: prefetch, logger: logger) {
            signal.fire()
        }
        thread = BlockingThread(name: "kafka-consumer")
    }

    deinit {
        // A forgotten close must not leak the client: its threads would keep the membership alive for ever.
        if !isClosing.withLock({ $0 }) {
            handle.client.logger.warning("A KafkaConsumer was released without close(deadline:)")
            let handle = handle
            try? thread.submit { handle.close(deadline: .zero) }
        }
        thread.stop()
    }

    // MARK: Subscription and assignment

    /// Joins the group for these topics, in place of earlier ones. A name that starts with `^` is a regular expression.
    public func subscribe(to topics: [String]) throws {
        try handle.subscribe(to: topics)
    }

    /// Starts reading exactly these partitions: the answer to ``ConsumerEvent/assigned(_:)``, or, without a subscription,
    /// a manual assignment.
    ///
    /// - Parameter positions: the first offset to read of each partition; `nil` is the committed offset, and where there
    ///   is none ``ConsumerConfiguration/autoOffsetReset`` decides.
    public func assign(_ positions: [TopicPartition: Int64?]) throws {
        try handle.assign(positions)
    }

    /// Stops reading: the answer to ``ConsumerEvent/revoked(_:lost:)``.
    public func unassign() throws {
        try handle.assign(nil)
    }

    /// What the last ``assign(_:)`` set; empty after closing.
    public var assignment: [TopicPartition] { (try? handle.assignment()) ?? [] }

    // MARK: Reading

    /// Takes what has arrived, without waiting.
    ///
    /// Stops at the first limit reached, or at a rebalance, which must be answered before the next drain. When more is
    /// waiting, `wake` is called again.
    ///
    /// - Parameters:
    ///   - maximumRecords: at most so many records.
    ///   - maximumBytes: no further record once keys, values and header values reach this; the last one may exceed it.
    /// - Returns: nothing after closing.
    public func drain(maximumRecords: Int, maximumBytes: Int) -> [ConsumerEvent] {
        let events = handle.drain(maximumRecords: maximumRecords, maximumBytes: maximumBytes)
        if handle.takeFetchWake() {
            let handle = handle
            try? thread.submit { handle.wakeFetchers() }
        }
        return events
    }

    /// Stops fetching; records of these partitions that have not been drained are fetched again after ``resume(_:)``.
    public func pause(_ partitions: some Sequence<TopicPartition>) throws {
        try handle.pause(partitions)
    }

    public func resume(_ partitions: some Sequence<TopicPartition>) throws {
        try handle.resume(partitions)
    }

    /// Continues at other offsets. No record from before the call is drained after it returns.
    ///
    /// - Throws: ``KafkaError`` naming the first partition that is not assigned.
    public func seek(_ positions: [TopicPartition: Int64]) async throws {
        guard !positions.isEmpty else { return }
        try await blocking { try $0.seek(positions) }
    }

    // MARK: Offsets

    /// Commits for the group, and waits for the broker.
    ///
    /// - Parameter offsets: the next offset to read, i.e. the last answered + 1.
    /// - Throws: ``KafkaError`` (`isTimeout`) when no answer came in time; the offsets may be committed all the same.
    public func commit(_ offsets: [TopicPartition: Int64], timeout: Duration = .seconds(10)) async throws {
        try await blocking { try $0.commit(offsets, timeout: timeout) }
    }

    /// The group's committed offsets; `nil` where there is none.
    public func committed(
        _ partitions: [TopicPartition], timeout: Duration = .seconds(30)
    ) async throws -> [TopicPartition: Int64?] {
        guard !partitions.isEmpty else { return [:] }
        return try await blocking { try $0.committed(partitions, timeout: timeout) }
    }

    /// The first offset kept and the offset after the last record. Asks again, within the timeout, while the partition has
    /// no leader: a new topic has none for a moment.
    public func watermarks(
        _ partition: TopicPartition, timeout: Duration = .seconds(30)
    ) async throws -> (low: Int64, high: Int64) {
        let deadline = ContinuousClock.now + timeout
        while true {
            do {
                return try await blocking { try $0.watermarks(partition, timeout: timeout) }
            } catch let error as KafkaError where error.isRetriable && .now + Self.watermarksDelay < deadline {
                try await Task.sleep(for: Self.watermarksDelay)
            }
        }
    }

    /// The membership as it stands now, for ``TransactionalProducer/sendOffsets(_:group:)``. Read it while the partitions
    /// of the offsets are assigned.
    public func groupMetadata() throws -> ConsumerGroupMetadata {
        try handle.groupMetadata()
    }

    // MARK: Close

    /// Whether closing has begun.
    public var isClosed: Bool { isClosing.withLock { $0 } }

    /// Leaves the group, serving the last rebalance itself, and frees the client. Idempotent. Returns at the deadline at
    /// the latest; what is not done by then goes on in the background.
    public func close(deadline: Duration = .seconds(10)) async {
        let isFirst = isClosing.withLock { isClosing in
            defer { isClosing = true }
            return !isClosing
        }
        if isFirst {
            let (handle, closed, thread) = (handle, closed, thread)
            signal.finish()
            do {
                try thread.submit {
                    handle.close(deadline: deadline)
                    closed.open()
                }
                thread.stop()
            } catch {
                handle.client.logger.error("Could not close the consumer", metadata: ["error": "\(error)"])
            }
        }
        await closed.wait(deadline)
    }

    private func blocking<Result: Sendable>(
        _ body: @escaping @Sendable (ConsumerHandle) throws -> Result
    ) async throws -> Result {
        let handle = handle
        do {
            return try await thread.run { try body(handle) }
        } catch is BlockingThread.Refusal {
            throw KafkaError.closed("consumer")
        }
    }

    /// A stream of wakes for ``records(tick:maximumRecords:maximumBytes:)``; ends at close.
    func wakes() -> AsyncStream<Void> { signal.stream() }

    func fireWake() { signal.fire() }
}
