import KafkaClient

/// A record that could not be answered as a request: its key, value and headers untouched, and why, in the header
/// families of Kafka Connect (`__connect.errors.*`, KIP-298) and Spring Kafka (`kafka_dlt-*`), so that existing
/// dead-letter tools read it. Numbers are text in Connect's family and big-endian bytes in Spring's.
enum DeadLetter {
    static func write(
        _ record: KafkaRecord, error: RequestError, topicSuffix: String, to records: inout ProducerRecordWriter
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
        records.append(
            topic: position.topic + topicSuffix, partition: nil, key: record.key, value: record.value,
            headers: record.headers + added)
    }

    private static func bigEndian(_ number: some FixedWidthInteger) -> ArraySlice<UInt8> {
        withUnsafeBytes(of: number.bigEndian) { Array($0)[...] }
    }
}
