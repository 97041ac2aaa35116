public import KafkaClient

/// Records of other topics and consumer offsets that are written in one transaction with a change of the registry.
public struct RegistryCompanions: Sendable {
    public var records: [ProducerRecord]
    /// The next offset to read of each partition.
    public var offsets: [TopicPartition: Int64]
    /// The membership that the offsets were consumed under; nil without offsets.
    public var group: ConsumerGroupMetadata?

    public init(
        records: [ProducerRecord] = [], offsets: [TopicPartition: Int64] = [:], group: ConsumerGroupMetadata? = nil
    ) {
        self.records = records
        self.offsets = offsets
        self.group = group
    }
}
