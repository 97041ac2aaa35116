package import KafkaClient

/// A dead letter as the log holds it: the record that it was, and why it became one.
package struct DeadLetterRecord: Sendable {
    /// How often, and from where, a record was put back; see ``redriven(adding:)``.
    package static let trailHeader = "millrace-redriven"
    package static let countHeader = "millrace-redrive-count"

    /// What ``DeadLetter`` adds, behind the record's own headers.
    private static let addedHeaders: Set<String> = [
        "__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset",
        "__connect.errors.exception.class.name", "__connect.errors.exception.message", "kafka_dlt-original-topic",
        "kafka_dlt-original-partition", "kafka_dlt-original-offset", "kafka_dlt-original-timestamp",
        "kafka_dlt-exception-fqcn", "kafka_dlt-exception-message", DeadLetter.omittedHeader,
    ]

    package let record: KafkaRecord
    package let headers: [KafkaHeader]
    /// Where the record lay when it failed.
    package let source: RecordPosition

    /// Nil for a record that does not say where it came from, in neither header family.
    package init?(_ record: KafkaRecord) {
        let headers = record.headers
        guard let source = Self.connectSource(headers) ?? Self.springSource(headers) else { return nil }
        self.record = record
        self.headers = headers
        self.source = source
    }

    package var position: RecordPosition { record.position }

    /// `MALFORMED_REQUEST`, or the exception's name where another program wrote the dead letter.
    package var errorClass: String {
        let name = text("__connect.errors.exception.class.name") ?? text("kafka_dlt-exception-fqcn") ?? ""
        return name.hasPrefix("millrace.") ? String(name.dropFirst("millrace.".count)) : name
    }

    package var message: String {
        text("__connect.errors.exception.message") ?? text("kafka_dlt-exception-message") ?? ""
    }

    /// The model that the record's headers ask for.
    package var model: String? { text(HeaderName.model) ?? text(HeaderName.mlserverModel) }

    /// How often the record has been put back already.
    package var redriveCount: Int {
        let trail = headers.lazy.filter { $0.name == Self.trailHeader }.count
        return max(trail, text(Self.countHeader).flatMap { Int($0) } ?? 0)
    }

    /// Whether the record was too large for the dead-letter topic: what it was is still at ``source``.
    package var isOmitted: Bool { text(DeadLetter.omittedHeader) != nil }

    /// The record's own headers: those that it had when it failed.
    package var originalHeaders: [KafkaHeader] {
        var own = headers[...]
        // The record may have been a dead letter before, of another program: only what was added last is not its own.
        var removed: Set<String> = []
        while let last = own.last, Self.addedHeaders.contains(last.name), removed.insert(last.name).inserted {
            own.removeLast()
        }
        return Array(own)
    }

    /// The record as it was, for the topic and partition that it came from, with a trail of where it has been.
    /// - Parameter original: the record at ``source``, needed where ``isOmitted``.
    package func redriven(from original: KafkaRecord? = nil) -> ProducerRecord {
        let own = (original?.headers ?? originalHeaders).filter { $0.name != Self.countHeader }
        let trail = [
            KafkaHeader(Self.trailHeader, position.description),
            KafkaHeader(Self.countHeader, String(redriveCount + 1)),
        ]
        return ProducerRecord(
            topic: source.topicPartition.topic, partition: source.topicPartition.partition,
            key: (original ?? record).key, value: (original ?? record).value, headers: own + trail)
    }

    private func text(_ name: String) -> String? {
        headers.lastValue(named: name).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func connectSource(_ headers: [KafkaHeader]) -> RecordPosition? {
        guard let topic = headers.lastValue(named: "__connect.errors.topic"),
            let partition = headers.lastValue(named: "__connect.errors.partition"),
            let offset = headers.lastValue(named: "__connect.errors.offset")
        else { return nil }
        let slash = [UInt8(ascii: "/")]
        return RecordPosition(parsing: Array(topic) + slash + Array(partition) + slash + Array(offset))
    }

    /// Spring Kafka writes its numbers as big-endian bytes.
    private static func springSource(_ headers: [KafkaHeader]) -> RecordPosition? {
        guard let topic = headers.lastValue(named: "kafka_dlt-original-topic"), !topic.isEmpty,
            let partition = headers.lastValue(named: "kafka_dlt-original-partition"), partition.count == 4,
            let offset = headers.lastValue(named: "kafka_dlt-original-offset"), offset.count == 8
        else { return nil }
        let number = partition.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard let number = Int32(exactly: number) else { return nil }
        let start = offset.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let start = Int64(exactly: start) else { return nil }
        return RecordPosition(
            TopicPartition(topic: String(decoding: topic, as: UTF8.self), partition: number), offset: start)
    }
}
