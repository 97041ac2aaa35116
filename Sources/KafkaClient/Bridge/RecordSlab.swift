import CRdKafka
import Glibc

/// Copies the records of a drain out of librdkafka's memory, into storages of a size that the processor's caches hold:
/// whoever works on one record finds its neighbours there too, and threads that work on different ones share no counter.
struct RecordSlab {
    /// Bytes from which on a new storage is begun.
    private static let storageBytes = 64 << 10
    private static let storageRecords = 256

    private var writer = RecordStorageWriter()
    private var records: [KafkaRecord] = []
    private var finishedBytes = 0
    private var lastTopic: (handle: OpaquePointer, index: Int)?

    var count: Int { records.count + writer.count }
    var byteCount: Int { finishedBytes + writer.bytes.count }

    mutating func append(_ message: UnsafePointer<rd_kafka_message_t>) {
        if writer.count == 0 { writer = RecordStorageWriter(reservingBytes: Self.storageBytes, records: 64) }
        let content = message.pointee
        let key = append(content.key, content.key_len)
        let value = append(content.payload, content.len)
        let firstHeader = writer.headerStart
        appendHeaders(message)
        var timestampType = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = rd_kafka_message_timestamp(message, &timestampType)
        writer.append(
            RecordStorage.Entry(
                topic: topicIndex(content.rkt), partition: content.partition, offset: content.offset,
                timestamp: timestampType == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || timestamp < 0 ? nil : timestamp,
                key: key, value: value, headers: firstHeader..<writer.headerStart))
        if writer.bytes.count >= Self.storageBytes || writer.count >= Self.storageRecords { finishStorage() }
    }

    consuming func makeRecords() -> [KafkaRecord] {
        finishStorage()
        return records
    }

    private mutating func finishStorage() {
        guard writer.count > 0 else { return }
        finishedBytes += writer.bytes.count
        let storage = writer.finish()
        writer = RecordStorageWriter()
        lastTopic = nil
        records.reserveCapacity(records.count + storage.entries.count)
        for index in storage.entries.indices { records.append(KafkaRecord(storage: storage, index: index)) }
    }

    private mutating func append(_ pointer: UnsafeRawPointer?, _ count: Int) -> RecordStorage.Span {
        guard let pointer else { return .null }
        return writer.append(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    private mutating func appendHeaders(_ message: UnsafePointer<rd_kafka_message_t>) {
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
            let written = append(UnsafeRawPointer(name), strlen(name))
            writer.addHeader(.init(name: written, value: append(value, size)))
        }
    }

    /// Neighbouring records mostly share their topic: its name is made once for them.
    private mutating func topicIndex(_ handle: OpaquePointer?) -> Int {
        if let lastTopic, lastTopic.handle == handle { return lastTopic.index }
        let name = handle.flatMap { rd_kafka_topic_name($0) }.map { String(cString: $0) } ?? ""
        let index = writer.index(ofTopic: name)
        if let handle { lastTopic = (handle, index) }
        return index
    }
}
