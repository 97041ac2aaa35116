import CRdKafka
import Logging
import Synchronization

/// The synchronous face of one librdkafka consumer. Calls marked *blocks* belong on a ``BlockingThread``.
final class ConsumerHandle: Sendable {
    let client: ClientHandle
    private let drainState: Mutex<DrainState>
    /// A rebalance event was handed out and not answered yet. librdkafka waits for the answer, even to close.
    private let owesRebalanceAnswer = Mutex(false)
    private let wake: @Sendable () -> Void

    private struct DrainState: Sendable {
        var prefetch: PrefetchWatch
        var needsFetchWake = false
        var unknownEvents: Set<Int32> = []
    }

    init(
        _ properties: NativeProperties, prefetch: PrefetchWatch, logger: Logger, wake: @escaping @Sendable () -> Void
    ) throws {
        self.wake = wake
        drainState = Mutex(DrainState(prefetch: prefetch))
        client = try ClientHandle(
            RD_KAFKA_CONSUMER, properties: properties, logger: logger, wake: wake,
            events: RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR)
        let context = client.callbackContext
        try client.use("create consumer") { consumer in
            try check("create consumer", rd_kafka_poll_set_consumer(consumer))
            try Self.withQueue(consumer) { rd_kafka_queue_cb_event_enable($0, queueCallback, context) }
        }
    }

    /// The consumer's queue, referenced for the length of the call.
    private static func withQueue<Result>(_ consumer: OpaquePointer, _ body: (OpaquePointer) -> Result) throws -> Result
    {
        guard let queue = rd_kafka_queue_get_consumer(consumer) else {
            throw KafkaError("consumer queue", RD_KAFKA_RESP_ERR__UNKNOWN_GROUP)
        }
        defer { rd_kafka_queue_destroy(queue) }
        return body(queue)
    }

    // MARK: Subscription and assignment

    func subscribe(to topics: [String]) throws {
        let list = try PartitionList("subscribe", topics.map { (TopicPartition(topic: $0, partition: 0), nil) })
        try client.use("subscribe") { consumer in
            for index in 0..<Int(list.pointer.pointee.cnt) {
                list.pointer.pointee.elems[index].partition = unassignedPartition
            }
            try check("subscribe \(topics.joined(separator: ", "))", rd_kafka_subscribe(consumer, list.pointer))
        }
    }

    /// `nil` unassigns.
    func assign(_ positions: [TopicPartition: Int64?]?) throws {
        let operation = positions == nil ? "unassign" : "assign"
        let list = try positions.map { try PartitionList(operation, $0.map { ($0.key, $0.value) }) }
        try client.use(operation) { consumer in
            try check(operation, rd_kafka_assign(consumer, list?.pointer))
            owesRebalanceAnswer.withLock { $0 = false }
        }
    }

    func assignment() throws -> [TopicPartition] {
        try client.use("assignment") { consumer in
            var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
            try check("assignment", rd_kafka_assignment(consumer, &list))
            return list.map { PartitionList(consuming: $0).topicPartitions.sorted() } ?? []
        }
    }

    func pause(_ partitions: some Sequence<TopicPartition>) throws {
        let list = try PartitionList("pause", partitions: partitions)
        try client.use("pause") { try check("pause", rd_kafka_pause_partitions($0, list.pointer)) }
        try list.checkElements("pause")
    }

    func resume(_ partitions: some Sequence<TopicPartition>) throws {
        let list = try PartitionList("resume", partitions: partitions)
        try client.use("resume") { try check("resume", rd_kafka_resume_partitions($0, list.pointer)) }
        try list.checkElements("resume")
    }

    // MARK: Drain

    func drain(maximumRecords: Int, maximumBytes: Int) -> [ConsumerEvent] {
        let drained = try? client.use("drain") { consumer in
            try Self.withQueue(consumer) { queue in
                drainState.withLock { state in
                    drain(consumer, queue, &state, maximumRecords: maximumRecords, maximumBytes: maximumBytes)
                }
            }
        }
        return drained ?? []
    }

    private func drain(
        _ consumer: OpaquePointer, _ queue: OpaquePointer, _ state: inout DrainState,
        maximumRecords: Int, maximumBytes: Int
    ) -> [ConsumerEvent] {
        var slab = RecordSlab()
        var events: [ConsumerEvent] = []
        // Foreign and internal events count too: a flood of them must not keep the caller from its other duties.
        var remainingPolls = 2 * max(maximumRecords, 1) + 1024
        polling: while slab.count < maximumRecords, slab.byteCount < maximumBytes, remainingPolls > 0 {
            remainingPolls -= 1
            guard let event = rd_kafka_queue_poll(queue, 0) else {
                // A poll of 0 ms also returns nothing when it served an internal operation.
                if rd_kafka_queue_length(queue) == 0 { break }
                continue
            }
            defer { rd_kafka_event_destroy(event) }
            switch rd_kafka_event_type(event) {
            case RD_KAFKA_EVENT_FETCH:
                while let message = rd_kafka_event_message_next(event) {
                    if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                        slab.append(message)
                    } else {
                        events.append(.failed(KafkaError("fetch", message.pointee.err)))
                    }
                }
            case RD_KAFKA_EVENT_REBALANCE:
                // Nothing may be read past a rebalance before it has been answered.
                events.append(rebalance(consumer, event))
                break polling
            case RD_KAFKA_EVENT_ERROR:
                events.append(errorEvent(consumer, event))
            case let type:
                if state.unknownEvents.count < 64, state.unknownEvents.insert(type).inserted {
                    client.logger.warning(
                        "Dropped a Kafka event of a kind not asked for", metadata: ["type": "\(type)"])
                }
            }
        }
        let queued = Int(rd_kafka_queue_length(queue))
        if queued > 0 { wake() }
        if state.prefetch.isRunningLow(drained: slab.count, bytes: slab.byteCount, queued: queued) {
            state.needsFetchWake = true
        }
        guard slab.count > 0 else { return events }
        client.metrics.consumed(records: slab.count, bytes: slab.byteCount)
        return [.records(slab.makeRecords())] + events
    }

    /// Whether ``wakeFetchers()`` is due since the last call.
    func takeFetchWake() -> Bool {
        drainState.withLock { state in
            defer { state.needsFetchWake = false }
            return state.needsFetchWake
        }
    }

    /// Blocks for the brokers' answers. Any request wakes the thread that also fetches; this one asks each leader where its
    /// partitions end and forgets the answer.
    func wakeFetchers() {
        let timeout = Duration.milliseconds(500)
        _ = try? client.use("wake fetchers") { consumer in
            let list = try PartitionList("wake fetchers", partitions: try assignment())
            for index in 0..<Int(list.pointer.pointee.cnt) {
                list.pointer.pointee.elems[index].offset = Int64(RD_KAFKA_OFFSET_END)
            }
            _ = rd_kafka_offsets_for_times(consumer, list.pointer, timeout.millisecondsForC)
        }
    }

    private func rebalance(_ consumer: OpaquePointer, _ event: OpaquePointer) -> ConsumerEvent {
        owesRebalanceAnswer.withLock { $0 = true }
        let partitions =
            rd_kafka_event_topic_partition_list(event).map { PartitionList.topicPartitions($0).sorted() } ?? []
        let code = rd_kafka_event_error(event)
        switch code {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS: return .assigned(partitions)
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            return .revoked(partitions, lost: rd_kafka_assignment_lost(consumer) != 0)
        default:
            // The group could not be joined. The answer is always the same, so it is given here.
            rd_kafka_assign(consumer, nil)
            owesRebalanceAnswer.withLock { $0 = false }
            client.metrics.errorOccurred()
            return .failed(KafkaError("rebalance", code))
        }
    }

    private func errorEvent(_ consumer: OpaquePointer, _ event: OpaquePointer) -> ConsumerEvent {
        let partition = rd_kafka_event_topic_partition(event)
        defer { if let partition { rd_kafka_topic_partition_destroy(partition) } }
        let code = rd_kafka_event_error(event)
        if code == RD_KAFKA_RESP_ERR__PARTITION_EOF, let partition {
            return .endOfPartition(partition.pointee.topicPartition)
        }
        client.metrics.errorOccurred()
        if rd_kafka_event_error_is_fatal(event) != 0 || code == RD_KAFKA_RESP_ERR__FATAL,
            let fatal = client.fatalError("consumer", consumer)
        {
            return .failed(fatal)
        }
        return .failed(
            KafkaError(
                partition.map { "consume \($0.pointee.topicPartition)" } ?? "consumer", code,
                reason: rd_kafka_event_error_string(event).map { client.redact(String(cString: $0)) }))
    }

    // MARK: Offsets

    /// Blocks until the fetchers have taken the new positions.
    func seek(_ positions: [TopicPartition: Int64]) throws {
        let list = try PartitionList("seek", positions.map { ($0.key, $0.value) })
        let assigned = Set(try assignment())
        if let stranger = positions.keys.filter({ !assigned.contains($0) }).min() {
            throw KafkaError.local(
                "seek \(stranger)", RD_KAFKA_RESP_ERR__STATE, "the partition is not assigned to this consumer")
        }
        // A partition that was just assigned or sought takes a moment to accept a position.
        for attempt in 1... {
            do {
                return try client.use("seek") { consumer in
                    // -1: version 2.0.2 reads any other timeout as a thousandth of it.
                    try check("seek", rd_kafka_seek_partitions(consumer, list.pointer, -1))
                    try list.checkElements("seek")
                }
            } catch let error as KafkaError {
                let isSettling =
                    error.code == RD_KAFKA_RESP_ERR__STATE.rawValue
                    || error.code == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS.rawValue
                guard isSettling, attempt < 40 else { throw error }
                sleepBlocking(.milliseconds(25))
            }
        }
    }

    /// Blocks for the broker's answer, but not for ever: `rd_kafka_commit` has no timeout, and its answer can fail to
    /// come when the group moves on meanwhile.
    func commit(_ offsets: [TopicPartition: Int64], timeout: Duration) throws {
        guard !offsets.isEmpty else { return }
        let list = try PartitionList("commit", offsets.map { ($0.key, $0.value) })
        try client.use("commit") { consumer in
            guard let queue = rd_kafka_queue_new(consumer) else { throw KafkaError("commit", RD_KAFKA_RESP_ERR__FAIL) }
            defer { rd_kafka_queue_destroy(queue) }
            try check("commit", rd_kafka_commit_queue(consumer, list.pointer, queue, nil, nil))
            guard let event = rd_kafka_queue_poll(queue, timeout.millisecondsForC) else {
                throw KafkaError("commit", RD_KAFKA_RESP_ERR__TIMED_OUT)
            }
            defer { rd_kafka_event_destroy(event) }
            try check("commit", rd_kafka_event_error(event))
            guard let answered = rd_kafka_event_topic_partition_list(event)?.pointee, let elements = answered.elems
            else { return }
            for index in 0..<Int(answered.cnt) { try check("commit", elements[index].err) }
        }
    }

    /// Blocks for the broker's answer.
    func committed(_ partitions: [TopicPartition], timeout: Duration) throws -> [TopicPartition: Int64?] {
        let list = try PartitionList("committed offsets", partitions: partitions)
        try client.use("committed offsets") {
            try check("committed offsets", rd_kafka_committed($0, list.pointer, timeout.millisecondsForC))
        }
        return try list.offsets("committed offset of")
    }

    /// Blocks for the broker's answer.
    func watermarks(_ partition: TopicPartition, timeout: Duration) throws -> (low: Int64, high: Int64) {
        try client.use("watermarks \(partition)") {
            try queryWatermarks($0, partition, timeout: timeout)
        }
    }

    func groupMetadata() throws -> ConsumerGroupMetadata {
        try client.use("group metadata") { consumer in
            guard let metadata = rd_kafka_consumer_group_metadata(consumer) else {
                throw KafkaError("group metadata", RD_KAFKA_RESP_ERR__UNKNOWN_GROUP)
            }
            return ConsumerGroupMetadata(consuming: metadata)
        }
    }

    // MARK: Close

    /// Blocks: leaves the group, serving its last rebalance for at most `deadline`, and destroys the client.
    func close(deadline: Duration) {
        let end = ContinuousClock.now + deadline
        client.destroy(flags: Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)) { consumer in
            try? Self.withQueue(consumer) { rd_kafka_queue_cb_event_enable($0, nil, nil) }
            if owesRebalanceAnswer.withLock({ $0 }) { rd_kafka_assign(consumer, nil) }
            guard let queue = rd_kafka_queue_new(consumer) else { return }
            defer { rd_kafka_queue_destroy(queue) }
            if let error = rd_kafka_consumer_close_queue(consumer, queue) {
                client.logger.debug("Consumer close", metadata: ["error": "\(KafkaError("close", consuming: error))"])
                return
            }
            while rd_kafka_consumer_closed(consumer) == 0, ContinuousClock.now < end {
                guard let event = rd_kafka_queue_poll(queue, 5) else { continue }
                if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(consumer, nil) }
                rd_kafka_event_destroy(event)
            }
        }
    }
}

/// A consumer group membership as it stood when it was read: which group, member and generation. Passing it with a
/// transaction's offsets lets the broker refuse a member that the group has moved on from.
public final class ConsumerGroupMetadata: @unchecked Sendable {
    let pointer: OpaquePointer

    init(consuming pointer: OpaquePointer) { self.pointer = pointer }

    /// A membership made up for tests; it needs no client.
    package init(group: String, generation: Int32, member: String) {
        pointer = rd_kafka_consumer_group_metadata_new_with_genid(group, generation, member, nil)
    }

    deinit { rd_kafka_consumer_group_metadata_destroy(pointer) }
}
