/// A consumed record.
///
/// The key, the value and the header values of every record of one ``KafkaConsumer/drain(maximumRecords:maximumBytes:)``
/// are slices of one array: reading a record allocates nothing, and holding one slice holds the bytes of the whole drain.
/// Copy (`Array(slice)`) what outlives its batch.
public struct KafkaRecord: Sendable {
    public var topicPartition: TopicPartition
    public var offset: Int64
    /// Milliseconds since 1970-01-01 UTC: the producer's clock or the broker's, as the topic says. `nil` when it has none.
    public var timestamp: Int64?
    /// `nil` is null, which is not the same as empty.
    public var key: ArraySlice<UInt8>?
    /// `nil` is null: a tombstone on a compacted topic.
    public var value: ArraySlice<UInt8>?
    public var headers: [KafkaHeader]

    public init(
        topicPartition: TopicPartition, offset: Int64, timestamp: Int64? = nil,
        key: ArraySlice<UInt8>? = nil, value: ArraySlice<UInt8>? = nil, headers: [KafkaHeader] = []
    ) {
        self.topicPartition = topicPartition
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }
}
