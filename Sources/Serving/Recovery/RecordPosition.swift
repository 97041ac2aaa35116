package import KafkaClient

/// Where a record lies in the log.
package struct RecordPosition: Sendable, Hashable {
    package let topicPartition: TopicPartition
    package let offset: Int64

    package init(_ topicPartition: TopicPartition, offset: Int64) {
        self.topicPartition = topicPartition
        self.offset = offset
    }
}
