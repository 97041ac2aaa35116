/// What a drain brought, in this order: records, then everything else as it happened; a rebalance is always last.
public enum ConsumerEvent: Sendable {
    /// In offset order per partition.
    case records([KafkaRecord])
    /// The group gave this member these partitions, which replace all earlier ones. Answer with
    /// ``KafkaConsumer/assign(_:)``.
    case assigned([TopicPartition])
    /// These partitions go to other members. Finish or abort what is open, then answer with ``KafkaConsumer/unassign()``.
    /// `lost`: they have gone already, so nothing of them can be committed any more.
    case revoked([TopicPartition], lost: Bool)
    /// Something failed. Only `isFatal` ends the consumer; it recovers from the rest by itself.
    case failed(KafkaError)
    /// Every record of the partition has been delivered; only with ``ConsumerConfiguration/reportsEndOfPartition``.
    case endOfPartition(TopicPartition)
}
