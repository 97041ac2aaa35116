import KafkaClient

/// A record that could not be answered as a request: its key, value and headers untouched, and why, in the header
/// families of Kafka Connect (`__connect.errors.*`, KIP-298) and Spring Kafka (`kafka_dlt-*`), so that existing
/// dead-letter tools read it. Numbers are text in Connect's family and big-endian bytes in Spring's.
enum DeadLetter {
    /// Says of a dead letter without its value how many bytes that had; the value is still where the record was.
    static let omittedHeader = "millrace-omitted-bytes"
    /// Lengths, timestamps and the batch around a record.
    private static let framingBytes = 512

    /// - Parameter maximumBytes: of a record of the topic. One that does not fit would end the process again and again;
    ///   it goes without its value, and without its headers where they are what is too large.
    static func write(
        _ record: KafkaRecord, error: RequestError, topic: String, maximumBytes: Int?,
        to records: inout ProducerRecordWriter
    ) {
        let position = record.topicPartition
        let exception = "millrace.\(error.code.rawValue)"
        let added = [
            KafkaHeader("__connect.errors.topic", position.topic),
            KafkaHeader("__connect.errors.partition", String(position.partition)),
            KafkaHeader("__connect.errors.offset", String(record.offset)),
            KafkaHeader("__connect.errors.exception.class.name", exception),
            KafkaHeader("__connect.errors.exception.message", error.message),
            KafkaHeader("kafka_dlt-original-topic", position.topic),
            KafkaHeader(name: "kafka_dlt-original-partition", value: bigEndian(position.partition)),
            KafkaHeader(name: "kafka_dlt-original-offset", value: bigEndian(record.offset)),
            KafkaHeader(name: "kafka_dlt-original-timestamp", value: bigEndian(record.timestamp ?? -1)),
            KafkaHeader("kafka_dlt-exception-fqcn", exception),
            KafkaHeader("kafka_dlt-exception-message", error.message),
        ]
        let room = (maximumBytes ?? .max) - framingBytes - byteCount(added)
        let headerBytes = byteCount(record.headers)
        let (keyBytes, valueBytes) = (record.key?.count ?? 0, record.value?.count ?? 0)
        guard keyBytes + valueBytes + headerBytes > room else {
            records.append(
                topic: topic, partition: nil, key: record.key, value: record.value, headers: record.headers + added)
            return
        }
        let omitted = [KafkaHeader(omittedHeader, String(valueBytes))]
        records.append(
            topic: topic, partition: nil, key: keyBytes + headerBytes <= room ? record.key : nil, value: nil,
            headers: (keyBytes + headerBytes <= room ? record.headers : []) + added + omitted)
    }

    private static func byteCount(_ headers: [KafkaHeader]) -> Int {
        headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) + 10 }
    }

    private static func bigEndian(_ number: some FixedWidthInteger) -> ArraySlice<UInt8> {
        withUnsafeBytes(of: number.bigEndian) { Array($0)[...] }
    }
}
