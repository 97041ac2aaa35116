import CRdKafka

/// Gathers the bytes of a drain's records in one array, and cuts the records from it when all are there: slices taken
/// earlier would each hold a copy of the array as it grew.
struct RecordSlab {
    private typealias Bounds = Range<Int>?

    private struct Record {
        var topicPartition: TopicPartition
        var offset: Int64
        var timestamp: Int64?
        var key: Bounds
        var value: Bounds
        var headers: Range<Int>
    }

    private var bytes: [UInt8] = []
    private var records: [Record] = []
    private var headers: [(name: String, value: Bounds)] = []
    private var lastTopic: (handle: OpaquePointer, partition: TopicPartition)?

    var count: Int { records.count }
    var byteCount: Int { bytes.count }

    mutating func append(_ message: UnsafePointer<rd_kafka_message_t>, names: inout HeaderNameCache) {
        let content = message.pointee
        let key = append(content.key, content.key_len)
        let value = append(content.payload, content.len)
        let firstHeader = headers.count
        appendHeaders(message, names: &names)
        var timestampType = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = rd_kafka_message_timestamp(message, &timestampType)
        records.append(
            Record(
                topicPartition: topicPartition(content.rkt, content.partition), offset: content.offset,
                timestamp: timestampType == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || timestamp < 0 ? nil : timestamp,
                key: key, value: value, headers: firstHeader..<headers.count))
    }

    func makeRecords() -> [KafkaRecord] {
        records.map { record in
            KafkaRecord(
                topicPartition: record.topicPartition, offset: record.offset, timestamp: record.timestamp,
                key: slice(record.key), value: slice(record.value),
                headers: headers[record.headers].map { KafkaHeader(name: $0.name, value: slice($0.value)) })
        }
    }

    private func slice(_ bounds: Bounds) -> ArraySlice<UInt8>? { bounds.map { bytes[$0] } }

    private mutating func append(_ pointer: UnsafeRawPointer?, _ count: Int) -> Bounds {
        guard let pointer else { return nil }
        let start = bytes.count
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: pointer, count: count))
        return start..<bytes.count
    }

    private mutating func appendHeaders(
        _ message: UnsafePointer<rd_kafka_message_t>, names: inout HeaderNameCache
    ) {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return }
        for index in 0..<rd_kafka_header_cnt(list) {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard
                rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let name
            else { return }
            headers.append((names.string(name), append(value, size)))
        }
    }

    /// Neighbouring records mostly share their topic: its name is made once for them.
    private mutating func topicPartition(_ handle: OpaquePointer?, _ partition: Int32) -> TopicPartition {
        guard let handle else { return TopicPartition(topic: "", partition: partition) }
        if var last = lastTopic, last.handle == handle {
            last.partition.partition = partition
            return last.partition
        }
        let name = rd_kafka_topic_name(handle).map { String(cString: $0) } ?? ""
        let topicPartition = TopicPartition(topic: name, partition: partition)
        lastTopic = (handle, topicPartition)
        return topicPartition
    }
}

/// Header names repeat from record to record: a small direct-mapped cache saves most of their strings' allocations.
struct HeaderNameCache: Sendable {
    private struct Entry: Sendable {
        var bytes: [UInt8]
        var string: String
    }

    private var entries = [Entry?](repeating: nil, count: 64)

    /// The name as a string; bytes that are not UTF-8 become U+FFFD.
    mutating func string(_ name: UnsafePointer<CChar>) -> String {
        var count = 0
        var hash: UInt32 = 2_166_136_261  // FNV-1a
        while name[count] != 0 {
            hash = (hash ^ UInt32(UInt8(bitPattern: name[count]))) &* 16_777_619
            count += 1
        }
        let bytes = UnsafeRawBufferPointer(start: name, count: count)
        let slot = Int(hash ^ (hash >> 16)) & (entries.count - 1)
        if let entry = entries[slot], entry.bytes.elementsEqual(bytes) { return entry.string }
        let string = String(decoding: bytes, as: UTF8.self)
        if count <= 256 { entries[slot] = Entry(bytes: Array(bytes), string: string) }
        return string
    }
}
