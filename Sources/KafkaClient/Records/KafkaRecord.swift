/// A consumed record.
///
/// A view: a ``KafkaConsumer/drain(maximumRecords:maximumBytes:)`` gathers the bytes of neighbouring records in arrays of
/// some tens of kilobytes, and a record, or a slice of one, holds its whole array. Copy (`Array(slice)`) what is kept for
/// long.
public struct KafkaRecord: Sendable {
    let storage: RecordStorage
    let index: Int

    init(storage: RecordStorage, index: Int) {
        self.storage = storage
        self.index = index
    }

    /// A record with bytes of its own.
    public init(
        topicPartition: TopicPartition, offset: Int64, timestamp: Int64? = nil,
        key: ArraySlice<UInt8>? = nil, value: ArraySlice<UInt8>? = nil, headers: [KafkaHeader] = []
    ) {
        var writer = RecordStorageWriter()
        let (key, value) = (writer.append(key), writer.append(value))
        for header in headers { writer.addHeader(writer.append(header)) }
        let topic = writer.index(ofTopic: topicPartition.topic)
        writer.append(
            RecordStorage.Entry(
                topic: topic, partition: topicPartition.partition, offset: offset, timestamp: timestamp, key: key,
                value: value, headers: 0..<headers.count))
        self.init(storage: writer.finish(), index: 0)
    }

    private var entry: RecordStorage.Entry { storage.entries[index] }

    public var topicPartition: TopicPartition {
        let entry = entry
        return TopicPartition(topic: storage.topics[entry.topic], partition: entry.partition)
    }

    public var offset: Int64 { entry.offset }

    /// Milliseconds since 1970-01-01 UTC: the producer's clock or the broker's, as the topic says. `nil` when it has none.
    public var timestamp: Int64? { entry.timestamp }

    /// `nil` is null, which is not the same as empty.
    public var key: ArraySlice<UInt8>? { storage.slice(entry.key) }

    /// `nil` is null: a tombstone on a compacted topic.
    public var value: ArraySlice<UInt8>? { storage.slice(entry.value) }

    /// Made anew at each call; to look one up use ``firstHeaderValue(ignoringCase:)``.
    public var headers: [KafkaHeader] { storage.headerList(index) }

    /// Bytes of key and value.
    public var byteCount: Int {
        let entry = entry
        return max(entry.key.count, 0) + max(entry.value.count, 0)
    }

    /// Whether the two are known to come from the same partition, without comparing topic names; records of different
    /// drains never are.
    public func isKnownNeighbour(of other: KafkaRecord) -> Bool {
        guard storage === other.storage else { return false }
        let (entry, other) = (entry, other.entry)
        return entry.topic == other.topic && entry.partition == other.partition
    }

    /// The value of the first header of that name, `nil` when there is none or when it is null. The case of ASCII letters
    /// does not matter.
    public func firstHeaderValue(ignoringCase name: String) -> ArraySlice<UInt8>? {
        let count = name.utf8.count
        for position in storage.entries[index].headers {
            // Lengths tell most names apart.
            let header = storage.headers[position]
            guard header.name.count == count, isEqualIgnoringCase(header.name, name) else { continue }
            return storage.slice(header.value)
        }
        return nil
    }

    /// ASCII letters only: header names are tokens of HTTP.
    private func isEqualIgnoringCase(_ span: RecordStorage.Span, _ name: String) -> Bool {
        func lowercased(_ byte: UInt8) -> UInt8 {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
        }
        var position = span.start
        for byte in name.utf8 {
            let own = storage.bytes[position]
            if own != byte, lowercased(own) != lowercased(byte) { return false }
            position += 1
        }
        return true
    }
}
