import CRdKafka

/// Hands one record to librdkafka, which copies it.
///
/// - Returns: why it was not taken; `nil` when it was.
func enqueueRecord(
    _ producer: OpaquePointer, _ record: ProducerRecord, opaque: UnsafeMutableRawPointer
) -> KafkaError? {
    if let partition = record.partition, partition < 0 {
        return .local(
            "produce to \(record.topic)", RD_KAFKA_RESP_ERR__INVALID_ARG, "partition \(partition) is negative")
    }
    if record.topic.isEmpty || record.topic.utf8.contains(0) {
        return .local("produce", RD_KAFKA_RESP_ERR__INVALID_ARG, "the topic name is empty or holds a NUL byte")
    }
    // One header list, never single headers: 2.0.2 frees those twice when the partition is unknown.
    let headers = makeHeaders(record.headers)
    let error = withBytes(record.key) { key in
        withBytes(record.value) { value in
            record.topic.withCString { topic in
                withUnsafeTemporaryAllocation(of: rd_kafka_vu_t.self, capacity: 8) { arguments in
                    var count = 0
                    func add(_ type: rd_kafka_vtype_t, _ fill: (inout rd_kafka_vu_t) -> Void) {
                        var argument = rd_kafka_vu_t()
                        argument.vtype = type
                        fill(&argument)
                        arguments.initializeElement(at: count, to: argument)
                        count += 1
                    }
                    add(RD_KAFKA_VTYPE_TOPIC) { $0.u.cstr = topic }
                    add(RD_KAFKA_VTYPE_MSGFLAGS) { $0.u.i = Int32(RD_KAFKA_MSG_F_COPY) }
                    add(RD_KAFKA_VTYPE_OPAQUE) { $0.u.ptr = opaque }
                    if let partition = record.partition { add(RD_KAFKA_VTYPE_PARTITION) { $0.u.i32 = partition } }
                    if let timestamp = record.timestamp { add(RD_KAFKA_VTYPE_TIMESTAMP) { $0.u.i64 = timestamp } }
                    add(RD_KAFKA_VTYPE_KEY) {
                        $0.u.mem.ptr = UnsafeMutableRawPointer(mutating: key?.baseAddress)
                        $0.u.mem.size = key?.count ?? 0
                    }
                    add(RD_KAFKA_VTYPE_VALUE) {
                        $0.u.mem.ptr = UnsafeMutableRawPointer(mutating: value?.baseAddress)
                        $0.u.mem.size = value?.count ?? 0
                    }
                    if let headers { add(RD_KAFKA_VTYPE_HEADERS) { $0.u.headers = headers } }
                    return rd_kafka_produceva(producer, arguments.baseAddress, count)
                }
            }
        }
    }
    // Taken: librdkafka owns the header list now.
    guard let error else { return nil }
    if let headers { rd_kafka_headers_destroy(headers) }
    return KafkaError("produce to \(record.topic)", consuming: error)
}

private func makeHeaders(_ headers: [KafkaHeader]) -> OpaquePointer? {
    guard !headers.isEmpty, let list = rd_kafka_headers_new(headers.count) else { return nil }
    for header in headers {
        var name = header.name
        name.withUTF8 { name in
            name.withMemoryRebound(to: CChar.self) { name in
                withBytes(header.value) { value in
                    // An empty name has no address; librdkafka wants one.
                    withUnsafePointer(to: CChar(0)) { empty in
                        _ = rd_kafka_header_add(
                            list, name.baseAddress ?? empty, name.count, value?.baseAddress, value?.count ?? 0)
                    }
                }
            }
        }
    }
    return list
}

/// Null stays null, and empty gets an address: librdkafka tells the two apart by the pointer.
private func withBytes<Result>(_ bytes: ArraySlice<UInt8>?, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
    guard let bytes else { return body(nil) }
    return bytes.withUnsafeBytes { buffer in
        if buffer.baseAddress != nil { return body(buffer) }
        return withUnsafeBytes(of: UInt8(0)) { body(UnsafeRawBufferPointer(rebasing: $0.prefix(0))) }
    }
}
