import CRdKafka
import Logging
import Synchronization

/// The synchronous face of one librdkafka producer, with the thread that serves its delivery reports.
///
/// Reports are events served by that thread alone. As callbacks they would go to whoever polls first, and flush and commit,
/// which poll too, would sleep out their 10 ms when it was not them.
final class ProducerHandle: Sendable {
    enum EnqueueResult {
        case done
        /// No room for this record; those before it are enqueued.
        case queueFull(Int)
        /// This record was refused; those before it are enqueued.
        case refused(Int, KafkaError)
    }

    private struct Outstanding {
        var isAccepting = true
        var batches: [ObjectIdentifier: DeliveryBatch] = [:]
    }

    let client: ClientHandle
    private let outstanding = Mutex(Outstanding())
    private let topics = Mutex(TopicHandles())

    init(_ properties: NativeProperties, logger: Logger) throws {
        client = try ClientHandle(
            RD_KAFKA_PRODUCER, properties: properties, logger: logger,
            events: RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR)
        let client = client
        startThread(name: "kafka-delivery") {
            while (try? client.use("poll", { serveEvent(of: $0, client) })) != nil {}
        }
    }

    // MARK: Records

    /// Keeps a new batch until every record of it has been reported.
    ///
    /// - Throws: ``KafkaError`` (`isClosed`) once closing has begun.
    func makeBatch(
        _ records: [ProducerRecord], firstIndex: Int = 0, completion: @escaping DeliveryBatch.Completion
    ) throws -> DeliveryBatch {
        let identifier = Mutex<ObjectIdentifier?>(nil)
        let metrics = client.metrics
        let batch = DeliveryBatch(records, firstIndex: firstIndex) { [weak self] batch in
            let failures = batch.failureCount
            metrics.delivered(records: batch.count - failures, failures: failures)
            if let self, let identifier = identifier.withLock({ $0 }) {
                // Released after the lock: the batch may be freed by it.
                _ = self.outstanding.withLock { $0.batches.removeValue(forKey: identifier) }
            }
            completion(batch)
        }
        identifier.withLock { $0 = ObjectIdentifier(batch) }
        let isAccepted = outstanding.withLock { outstanding in
            if outstanding.isAccepting { outstanding.batches[ObjectIdentifier(batch)] = batch }
            return outstanding.isAccepting
        }
        guard isAccepted else { throw KafkaError.closed("produce") }
        return batch
    }

    /// Enqueues records from `start` on until one does not fit or is refused. Does not block.
    func enqueue(_ records: [ProducerRecord], from start: Int, batch: DeliveryBatch) throws -> EnqueueResult {
        try client.use("produce") { producer in
            topics.withLock { topics in
                for index in start..<records.count {
                    guard let error = topics.enqueue(producer, records[index], opaque: batch.slot(index)) else {
                        continue
                    }
                    return error.isQueueFull ? .queueFull(index) : .refused(index, error)
                }
                return .done
            }
        }
    }

    /// Blocks until every record has been reported or the deadline passed.
    func flush(deadline: Duration) throws {
        try client.use("flush") { try check("flush", rd_kafka_flush($0, deadline.millisecondsForC)) }
    }

    // MARK: Transactions

    /// Blocks.
    func initTransactions(timeout: Duration) throws {
        try transactional("init transactions") { rd_kafka_init_transactions($0, timeout.millisecondsForC) }
    }

    func beginTransaction() throws {
        try transactional("begin transaction") { rd_kafka_begin_transaction($0) }
    }

    /// Blocks.
    func sendOffsets(
        _ offsets: [TopicPartition: Int64], metadata: String, group: ConsumerGroupMetadata
    ) throws {
        let list = try PartitionList("send offsets to transaction", offsets.map { ($0.key, $0.value) })
        list.setMetadata(metadata)
        try transactional("send offsets to transaction") {
            rd_kafka_send_offsets_to_transaction($0, list.pointer, group.pointer, -1)
        }
    }

    /// Blocks for at most the transaction's remaining time.
    func commitTransaction() throws {
        try transactional("commit transaction") { rd_kafka_commit_transaction($0, -1) }
    }

    /// Blocks for at most the transaction's remaining time.
    func abortTransaction() throws {
        try transactional("abort transaction") { rd_kafka_abort_transaction($0, -1) }
    }

    /// A call that fails because of an earlier fatal error reports that one: it is the cause.
    private func transactional(_ operation: String, _ call: (OpaquePointer) -> OpaquePointer?) throws {
        try client.use(operation) { producer in
            guard let object = call(producer) else { return }
            let error = KafkaError(operation, consuming: object)
            throw client.fatalError(operation, producer) ?? error
        }
    }

    // MARK: Metadata

    /// Blocks for the broker's answer.
    func partitionCount(of topic: String, timeout: Duration) throws -> Int {
        try client.use("metadata of \(topic)") { try queryPartitionCount($0, topic, timeout: timeout) }
    }

    // MARK: Close

    /// Blocks: delivers what is enqueued, for at most `deadline`, drops the rest with a report for each, and destroys the
    /// client.
    ///
    /// - Parameter flushes: false drops everything at once, as for a transaction that will never be committed.
    func close(deadline: Duration, flushes: Bool) {
        outstanding.withLock { $0.isAccepting = false }
        try? client.use("close") { producer in
            if flushes { rd_kafka_flush(producer, max(deadline, .zero).millisecondsForC) }
            if rd_kafka_outq_len(producer) > 0 {
                rd_kafka_purge(producer, Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT))
                // Serves the reports of what was dropped.
                rd_kafka_flush(producer, 200)
            }
            // Ends the polling thread's wait.
            if let queue = rd_kafka_queue_get_main(producer) {
                client.beginClosing()
                rd_kafka_queue_yield(queue)
                rd_kafka_queue_destroy(queue)
            }
            topics.withLock { $0.releaseAll() }
        }
        client.destroy()
        let unreported = outstanding.withLock { Array($0.batches.values) }
        for batch in unreported { batch.failed(from: 0, .closed("produce")) }
    }
}

func queryPartitionCount(_ client: OpaquePointer, _ topic: String, timeout: Duration) throws -> Int {
    guard let handle = rd_kafka_topic_new(client, topic, nil) else {
        throw KafkaError("metadata of \(topic)", RD_KAFKA_RESP_ERR__INVALID_ARG)
    }
    defer { rd_kafka_topic_destroy(handle) }
    var metadata: UnsafePointer<rd_kafka_metadata>?
    try check("metadata of \(topic)", rd_kafka_metadata(client, 0, handle, &metadata, timeout.millisecondsForC))
    guard let metadata else { throw KafkaError("metadata of \(topic)", RD_KAFKA_RESP_ERR__FAIL) }
    defer { rd_kafka_metadata_destroy(metadata) }
    guard metadata.pointee.topic_cnt > 0, let found = metadata.pointee.topics else {
        throw KafkaError("metadata of \(topic)", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    }
    try check("metadata of \(topic)", found.pointee.err)
    return Int(found.pointee.partition_cnt)
}

/// Blocks for at most 100 ms.
private func serveEvent(of producer: OpaquePointer, _ client: ClientHandle) {
    guard let queue = rd_kafka_queue_get_main(producer) else { return }
    defer { rd_kafka_queue_destroy(queue) }
    guard let event = rd_kafka_queue_poll(queue, 100) else { return }
    defer { rd_kafka_event_destroy(event) }
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_DR:
        while let message = rd_kafka_event_message_next(event) { reportDelivery(message) }
    case RD_KAFKA_EVENT_ERROR:
        errorCallback(
            producer, rd_kafka_event_error(event).rawValue, rd_kafka_event_error_string(event), client.callbackContext)
    default: return
    }
}
