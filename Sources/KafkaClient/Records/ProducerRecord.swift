/// A record to be produced.
public struct ProducerRecord: Sendable {
    public var topic: String
    /// `nil` leaves the choice to the partitioner: by key, or at random without one.
    public var partition: Int32?
    /// `nil` is null, which is not the same as empty.
    public var key: ArraySlice<UInt8>?
    /// `nil` is null: a tombstone on a compacted topic.
    public var value: ArraySlice<UInt8>?
    public var headers: [KafkaHeader]
    /// Milliseconds since 1970-01-01 UTC; `nil` (and 0, by the protocol) is the time of the call.
    public var timestamp: Int64?

    public init(
        topic: String, partition: Int32? = nil, key: ArraySlice<UInt8>? = nil, value: ArraySlice<UInt8>?,
        headers: [KafkaHeader] = [], timestamp: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp = timestamp
    }
}
