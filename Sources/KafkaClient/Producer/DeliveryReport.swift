/// What became of one produced record.
public enum DeliveryReport: Sendable {
    /// Every in-sync replica has it. The offset is -1 when a retry found it written already.
    case delivered(TopicPartition, offset: Int64)
    case failed(KafkaError)

    /// The error, when there is one.
    public var error: KafkaError? {
        if case .failed(let error) = self { error } else { nil }
    }

    /// - Throws: the ``KafkaError``.
    public func get() throws(KafkaError) -> (topicPartition: TopicPartition, offset: Int64) {
        switch self {
        case .delivered(let topicPartition, let offset): (topicPartition, offset)
        case .failed(let error): throw error
        }
    }
}
