import Logging
import Synchronization

/// What plain and transactional producers share: enqueueing with back-pressure, metadata, closing.
final class ProducerCore: Sendable {
    private let handle: ProducerHandle
    private let thread: BlockingThread
    private let flusher: Flusher
    private let deliveryTimeout: Duration
    private let isTransactional: Bool
    private let closed = Latch()
    private let isClosing = Mutex(false)
    private let partitionCounts = Mutex<[String: (count: Int, expiry: ContinuousClock.Instant)]>([:])

    init(
        _ properties: NativeProperties, _ configuration: ProducerConfiguration, isTransactional: Bool, logger: Logger
    ) throws {
        deliveryTimeout = configuration.deliveryTimeout
        self.isTransactional = isTransactional
        handle = try ProducerHandle(properties, logger: logger)
        thread = BlockingThread(name: "kafka-producer")
        flusher = Flusher(handle, timeout: deliveryTimeout)
    }

    deinit {
        // A forgotten close must not leak the client and its polling thread.
        if !isClosing.withLock({ $0 }) {
            handle.client.logger.warning("A Kafka producer was released without close(deadline:)")
            let handle = handle
            try? thread.submit { handle.close(deadline: .zero, flushes: false) }
        }
        thread.stop()
    }

    func produce(_ records: [ProducerRecord]) async throws -> [DeliveryReport] {
        let delivered = Delivered()
        let batch = try handle.makeBatch(records) { delivered.complete($0.reports) }
        guard !records.isEmpty else { return [] }
        var start = 0
        while start < records.count {
            switch await enqueueWaiting(records, from: start, batch: batch) {
            case .done: start = records.count
            case .refused(let index, let error):
                batch.failed(index, error)
                start = index + 1
            case .stopped(let index, let error):
                batch.failed(from: index, error)
                start = records.count
            }
        }
        flusher.start()
        return await delivered.reports()
    }

    /// Sends what is enqueued now instead of when it has lingered. Returns at once.
    func startFlush() { flusher.start() }

    enum EnqueueOutcome {
        case done
        /// This record cannot be written; those before it are enqueued, those after it may be.
        case refused(Int, KafkaError)
        /// Neither this record nor any after it can be enqueued now.
        case stopped(Int, KafkaError)
    }

    /// Enqueues from `start` on; waits for room. Marks no record: the outcome says which are librdkafka's now.
    func enqueueWaiting(
        _ records: [ProducerRecord], from start: Int, batch: DeliveryBatch
    ) async -> EnqueueOutcome {
        var start = start
        var deadline = ContinuousClock.now + deliveryTimeout
        while true {
            do {
                switch try handle.enqueue(records, from: start, batch: batch) {
                case .done: return .done
                case .refused(let index, let error): return .refused(index, error)
                case .queueFull(let index):
                    // Progress restarts the clock: the queue drains, only slowly.
                    if index > start { deadline = .now + deliveryTimeout }
                    start = index
                    flusher.start()
                }
            } catch {
                return .stopped(start, (error as? KafkaError) ?? .closed("produce"))
            }
            let operation = "produce to \(records[start].topic)"
            guard ContinuousClock.now < deadline else {
                return .stopped(start, .queueFull(operation, after: deliveryTimeout))
            }
            do {
                try await Task.sleep(for: .milliseconds(2))
            } catch {
                return .stopped(start, .cancelled(operation))
            }
        }
    }

    func enqueue(
        _ records: [ProducerRecord], onDelivery: @escaping @Sendable ([DeliveryReport]) -> Void
    ) throws {
        let batch = try handle.makeBatch(records) { onDelivery($0.reports) }
        var start = 0
        while start < records.count {
            do {
                switch try handle.enqueue(records, from: start, batch: batch) {
                case .done: return
                case .refused(let index, let error):
                    batch.failed(index, error)
                    start = index + 1
                case .queueFull(let index):
                    start = index
                    throw KafkaError.queueFull("produce to \(records[index].topic)", after: .zero)
                }
            } catch {
                var error = (error as? KafkaError) ?? .closed("produce")
                error.recordIndex = start
                batch.failed(from: start, error)
                throw error
            }
        }
    }

    func makeBatch(_ records: [ProducerRecord], firstIndex: Int) throws -> DeliveryBatch {
        try handle.makeBatch(records, firstIndex: firstIndex) { _ in }
    }

    func partitionCount(of topic: String) async throws -> Int {
        let now = ContinuousClock.now
        if let known = partitionCounts.withLock({ $0[topic] }), known.expiry > now { return known.count }
        let count = try await blocking { try $0.partitionCount(of: topic, timeout: .seconds(10)) }
        partitionCounts.withLock { counts in
            if counts.count >= 1000 { counts.removeAll() }
            counts[topic] = (count, now + .seconds(30))
        }
        return count
    }

    func blocking<Result: Sendable>(
        _ body: @escaping @Sendable (ProducerHandle) throws -> Result
    ) async throws -> Result {
        let handle = handle
        do {
            return try await thread.run { try body(handle) }
        } catch is BlockingThread.Refusal {
            throw KafkaError.closed("producer")
        }
    }

    /// Runs a call that neither blocks nor suspends.
    func immediately<Result>(_ body: (ProducerHandle) throws -> Result) rethrows -> Result { try body(handle) }

    func close(deadline: Duration) async {
        let isFirst = isClosing.withLock { isClosing in
            defer { isClosing = true }
            return !isClosing
        }
        if isFirst {
            let (handle, closed, flushes) = (handle, closed, !isTransactional)
            do {
                try thread.submit {
                    handle.close(deadline: deadline, flushes: flushes)
                    closed.open()
                }
                thread.stop()
            } catch {
                handle.client.logger.error("Could not close the producer", metadata: ["error": "\(error)"])
            }
        }
        await closed.wait(deadline)
    }

    var isClosed: Bool { isClosing.withLock { $0 } }
}

/// Flushes in the background: whoever waits for records to be delivered gains nothing from their lingering.
///
/// Lingering still is of use until then: what leaves in pieces waits for itself, since an idempotent producer of version
/// 2.0.2 has one request a partition under way, and its thread spins while another is ready.
private final class Flusher: Sendable {
    private let handle: ProducerHandle
    private let thread = BlockingThread(name: "kafka-flush")
    private let timeout: Duration
    /// One that has not begun will send everything enqueued by now.
    private let isWaiting = Atomic(false)

    init(_ handle: ProducerHandle, timeout: Duration) {
        self.handle = handle
        self.timeout = timeout
    }

    deinit { thread.stop() }

    func start() {
        guard !isWaiting.exchange(true, ordering: .acquiringAndReleasing) else { return }
        try? thread.submit {
            self.isWaiting.store(false, ordering: .releasing)
            // Failed records say so in their reports.
            try? self.handle.flush(deadline: self.timeout)
        }
    }
}

/// The reports of one batch, awaited by one task.
private final class Delivered: Sendable {
    private enum State {
        case pending
        case awaited(CheckedContinuation<[DeliveryReport], Never>)
        case complete([DeliveryReport])
    }

    private let state = Mutex(State.pending)

    func complete(_ reports: [DeliveryReport]) {
        let waiter = state.withLock { state -> CheckedContinuation<[DeliveryReport], Never>? in
            defer { state = .complete(reports) }
            if case .awaited(let continuation) = state { return continuation }
            return nil
        }
        waiter?.resume(returning: reports)
    }

    func reports() async -> [DeliveryReport] {
        await withCheckedContinuation { continuation in
            let reports = state.withLock { state -> [DeliveryReport]? in
                if case .complete(let reports) = state { return reports }
                state = .awaited(continuation)
                return nil
            }
            if let reports { continuation.resume(returning: reports) }
        }
    }
}
