import CRdKafka
import Synchronization

/// Gathers the delivery reports of records that were enqueued together, in their order, and completes once with all.
///
/// librdkafka carries a pointer to each record's slot. The producer keeps the batch until its last report, so the
/// pointers stay valid without a retain per record.
final class DeliveryBatch: @unchecked Sendable {
    typealias Completion = @Sendable ([DeliveryReport]) -> Void

    struct Slot {
        unowned(unsafe) var batch: DeliveryBatch
        var index: Int
    }

    private struct State {
        var reports: [DeliveryReport?]
        var remaining: Int
        var completion: Completion?
        /// The first failure that is not a consequence of another.
        var firstFailure: KafkaError?
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let topics: [String]
    private let firstIndex: Int
    private let state: Mutex<State>

    /// - Parameter firstIndex: what an error calls the first record.
    init(_ records: [ProducerRecord], firstIndex: Int = 0, completion: @escaping Completion) {
        topics = records.map(\.topic)
        self.firstIndex = firstIndex
        slots = .allocate(capacity: max(records.count, 1))
        state = Mutex(
            State(
                reports: Array(repeating: nil, count: records.count), remaining: records.count,
                completion: completion))
        for index in records.indices { (slots + index).initialize(to: Slot(batch: self, index: index)) }
    }

    deinit {
        slots.deinitialize(count: topics.count)
        slots.deallocate()
    }

    func slot(_ index: Int) -> UnsafeMutableRawPointer { UnsafeMutableRawPointer(slots + index) }

    var firstFailure: KafkaError? { state.withLock { $0.firstFailure } }

    func delivered(_ index: Int, partition: Int32, offset: Int64) {
        report(index, .delivered(TopicPartition(topic: topics[index], partition: partition), offset: offset))
    }

    func failed(_ index: Int, _ error: KafkaError) {
        var error = error
        error.recordIndex = firstIndex + index
        report(index, .failed(error))
    }

    /// Fails the records from `start` on that have no report yet. librdkafka must not have them: their slots may be freed
    /// by this.
    func failed(from start: Int, _ error: KafkaError) {
        for index in start..<topics.count { failed(index, error) }
    }

    private func report(_ index: Int, _ report: DeliveryReport) {
        let finished: (Completion, [DeliveryReport])? = state.withLock { state in
            guard state.reports[index] == nil else { return nil }
            state.reports[index] = report
            if state.firstFailure == nil, let error = report.error, !error.isPurged { state.firstFailure = error }
            state.remaining -= 1
            guard state.remaining == 0, let completion = state.completion else { return nil }
            state.completion = nil
            return (completion, state.reports.compactMap(\.self))
        }
        if let (completion, reports) = finished { completion(reports) }
    }
}

/// Called on the polling thread, or on a thread inside flush or commit, once per produced record.
func deliveryCallback(
    _ client: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let message, let slot = message.pointee._private?.assumingMemoryBound(to: DeliveryBatch.Slot.self) else {
        return
    }
    let (batch, index) = (slot.pointee.batch, slot.pointee.index)
    if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
        batch.delivered(
            index, partition: message.pointee.partition,
            offset: max(message.pointee.offset, -1))
    } else {
        batch.failed(index, KafkaError("deliver", message.pointee.err))
    }
}
