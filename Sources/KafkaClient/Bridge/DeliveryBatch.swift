import CRdKafka
import Synchronization

/// Gathers the delivery reports of records that were enqueued together, in their order, and completes once with all.
///
/// librdkafka carries a pointer to each record's slot. The producer keeps the batch until its last report, so the
/// pointers stay valid without a retain per record.
final class DeliveryBatch: @unchecked Sendable {
    /// Called once, with the batch that is complete, on a thread that must not be blocked.
    typealias Completion = @Sendable (DeliveryBatch) -> Void

    struct Slot {
        unowned(unsafe) var batch: DeliveryBatch
        var index: Int
    }

    private struct State {
        static let unreported = Int64.min

        /// Where each record was written; the offset of a failed one is of no meaning.
        var placements: [(partition: Int32, offset: Int64)]
        var failures: [Int: KafkaError] = [:]
        var remaining: Int
        var completion: Completion?
        /// The first failure that is not a consequence of another.
        var firstFailure: KafkaError?
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let records: [ProducerRecord]
    private let firstIndex: Int
    private let state: Mutex<State>

    /// - Parameter firstIndex: what an error calls the first record.
    init(_ records: [ProducerRecord], firstIndex: Int = 0, completion: @escaping Completion) {
        self.records = records
        self.firstIndex = firstIndex
        slots = .allocate(capacity: max(records.count, 1))
        state = Mutex(
            State(
                placements: Array(repeating: (-1, State.unreported), count: records.count),
                remaining: records.count, completion: completion))
        for index in records.indices { (slots + index).initialize(to: Slot(batch: self, index: index)) }
    }

    deinit {
        slots.deinitialize(count: records.count)
        slots.deallocate()
    }

    func slot(_ index: Int) -> UnsafeMutableRawPointer { UnsafeMutableRawPointer(slots + index) }

    /// Every record has its report, and none failed.
    var isDelivered: Bool { state.withLock { $0.remaining == 0 && $0.failures.isEmpty } }
    var firstFailure: KafkaError? { state.withLock { $0.firstFailure } }
    var count: Int { records.count }
    var failureCount: Int { state.withLock { $0.failures.count } }

    /// One report a record, once the batch is complete.
    var reports: [DeliveryReport] {
        state.withLock { state in
            records.indices.map { index in
                if let error = state.failures[index] { return .failed(error) }
                let (partition, offset) = state.placements[index]
                return .delivered(TopicPartition(topic: records[index].topic, partition: partition), offset: offset)
            }
        }
    }

    func delivered(_ index: Int, partition: Int32, offset: Int64) {
        report(index, partition: partition, offset: offset, error: nil)
    }

    func failed(_ index: Int, _ error: KafkaError) {
        var error = error
        error.recordIndex = firstIndex + index
        report(index, partition: -1, offset: -1, error: error)
    }

    /// Fails the records from `start` on that have no report yet. librdkafka must not have them: their slots may be freed
    /// by this.
    func failed(from start: Int, _ error: KafkaError) {
        for index in start..<records.count { failed(index, error) }
    }

    private func report(_ index: Int, partition: Int32, offset: Int64, error: KafkaError?) {
        let completion: Completion? = state.withLock { state in
            guard state.placements[index].offset == State.unreported else { return nil }
            state.placements[index] = (partition, offset)
            if let error {
                state.failures[index] = error
                if state.firstFailure == nil, !error.isPurged { state.firstFailure = error }
            }
            state.remaining -= 1
            guard state.remaining == 0 else { return nil }
            defer { state.completion = nil }
            return state.completion
        }
        completion?(self)
    }
}

/// Takes a produced record's report to its batch; once per record, on the thread that serves the reports.
func reportDelivery(_ message: UnsafePointer<rd_kafka_message_t>) {
    guard let slot = message.pointee._private?.assumingMemoryBound(to: DeliveryBatch.Slot.self) else { return }
    let (batch, index) = (slot.pointee.batch, slot.pointee.index)
    if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
        batch.delivered(
            index, partition: message.pointee.partition,
            offset: max(message.pointee.offset, -1))
    } else {
        batch.failed(index, KafkaError("deliver", message.pointee.err))
    }
}
