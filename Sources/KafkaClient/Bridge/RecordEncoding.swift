import CRdKafka

/// The topics that a producer writes to: librdkafka looks a topic's name up for each record otherwise.
struct TopicHandles: @unchecked Sendable {
    private static let maximumCount = 64

    private var handles: [(name: String, handle: OpaquePointer)] = []

    /// Hands one record to librdkafka, which copies it.
    ///
    /// - Returns: why it was not taken; `nil` when it was.
    mutating func enqueue(
        _ producer: OpaquePointer, _ record: ProducerRecord, opaque: UnsafeMutableRawPointer
    ) -> KafkaError? {
        let storage = record.storage
        let entry = storage.entries[record.index]
        let topic = storage.topics[entry.topic]
        if entry.partition < 0, entry.partition != ProducerRecordWriter.anyPartition {
            let partition = entry.partition == .min ? -1 : entry.partition
            return .local(
                "produce to \(topic)", RD_KAFKA_RESP_ERR__INVALID_ARG, "partition \(partition) is negative")
        }
        guard let handle = handle(of: topic, producer) else {
            return .local(
                "produce", RD_KAFKA_RESP_ERR__INVALID_ARG, "the topic name is empty, too long or holds a NUL byte")
        }
        return enqueueRecord(producer, storage, entry, topic: handle, opaque: opaque)
    }

    private mutating func handle(of topic: String, _ producer: OpaquePointer) -> OpaquePointer? {
        if let known = handles.first(where: { $0.name == topic }) { return known.handle }
        guard !topic.isEmpty, !topic.utf8.contains(0), let handle = rd_kafka_topic_new(producer, topic, nil) else {
            return nil
        }
        if handles.count >= Self.maximumCount { releaseAll() }
        handles.append((topic, handle))
        return handle
    }

    /// Before the client is destroyed.
    mutating func releaseAll() {
        for (_, handle) in handles { rd_kafka_topic_destroy(handle) }
        handles.removeAll()
    }
}

private func enqueueRecord(
    _ producer: OpaquePointer, _ storage: RecordStorage, _ entry: RecordStorage.Entry, topic: OpaquePointer,
    opaque: UnsafeMutableRawPointer
) -> KafkaError? {
    // One header list, never single headers: 2.0.2 frees those twice when the partition is unknown.
    let headers = makeHeaders(storage, entry)
    let error = storage.bytes.withUnsafeBytes { bytes in
        withUnsafeTemporaryAllocation(of: rd_kafka_vu_t.self, capacity: 8) { arguments in
            var count = 0
            func add(_ type: rd_kafka_vtype_t, _ fill: (inout rd_kafka_vu_t) -> Void) {
                var argument = rd_kafka_vu_t()
                argument.vtype = type
                fill(&argument)
                arguments.initializeElement(at: count, to: argument)
                count += 1
            }
            func add(_ type: rd_kafka_vtype_t, _ content: (pointer: UnsafeRawPointer?, count: Int)) {
                add(type) {
                    $0.u.mem.ptr = UnsafeMutableRawPointer(mutating: content.pointer)
                    $0.u.mem.size = content.count
                }
            }
            add(RD_KAFKA_VTYPE_RKT) { $0.u.rkt = topic }
            add(RD_KAFKA_VTYPE_MSGFLAGS) { $0.u.i = Int32(RD_KAFKA_MSG_F_COPY) }
            add(RD_KAFKA_VTYPE_OPAQUE) { $0.u.ptr = opaque }
            add(RD_KAFKA_VTYPE_PARTITION) { $0.u.i32 = entry.partition }
            if let timestamp = entry.timestamp { add(RD_KAFKA_VTYPE_TIMESTAMP) { $0.u.i64 = timestamp } }
            add(RD_KAFKA_VTYPE_KEY, content(of: entry.key, in: bytes))
            add(RD_KAFKA_VTYPE_VALUE, content(of: entry.value, in: bytes))
            if let headers { add(RD_KAFKA_VTYPE_HEADERS) { $0.u.headers = headers } }
            return rd_kafka_produceva(producer, arguments.baseAddress, count)
        }
    }
    // Taken: librdkafka owns the header list now.
    guard let error else { return nil }
    if let headers { rd_kafka_headers_destroy(headers) }
    return KafkaError("produce to \(storage.topics[entry.topic])", consuming: error)
}

private func makeHeaders(_ storage: RecordStorage, _ entry: RecordStorage.Entry) -> OpaquePointer? {
    let shared = entry.headerSet.map { storage.headerSets[$0] }
    let count = entry.headers.count + (shared?.spans.count ?? 0)
    guard count > 0, let list = rd_kafka_headers_new(count) else { return nil }
    if let shared { add(shared.spans[...], of: shared.bytes, to: list) }
    add(storage.headers[entry.headers], of: storage.bytes, to: list)
    return list
}

private func add(_ headers: ArraySlice<RecordStorage.Header>, of bytes: [UInt8], to list: OpaquePointer) {
    bytes.withUnsafeBytes { bytes in
        for header in headers {
            let name = content(of: header.name, in: bytes)
            let value = content(of: header.value, in: bytes)
            _ = rd_kafka_header_add(
                list, name.pointer?.assumingMemoryBound(to: CChar.self), name.count, value.pointer, value.count)
        }
    }
}

/// A static byte for what is empty: librdkafka tells it from null by the pointer, and wants an address of a name.
nonisolated(unsafe) private let emptyContent = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

private func content(
    of span: RecordStorage.Span, in bytes: UnsafeRawBufferPointer
) -> (pointer: UnsafeRawPointer?, count: Int) {
    if span.isNull { return (nil, 0) }
    guard span.count > 0, let start = bytes.baseAddress else { return (emptyContent, 0) }
    return (start + span.start, span.count)
}
