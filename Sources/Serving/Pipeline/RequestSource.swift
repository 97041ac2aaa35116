package import KafkaClient

/// What an ``InferencePipeline`` asks of the member of a consumer group that it reads from; see ``KafkaConsumer`` for what
/// each call does.
package protocol RequestSource: Sendable {
    func subscribe(to topics: [String]) throws
    func drain(maximumRecords: Int, maximumBytes: Int) -> [ConsumerEvent]
    func assign(_ positions: [TopicPartition: Int64?]) throws
    func unassign() throws
    func pause(_ partitions: [TopicPartition]) throws
    func resume(_ partitions: [TopicPartition]) throws
    func seek(_ positions: [TopicPartition: Int64]) async throws
    func groupMetadata() throws -> ConsumerGroupMetadata
    func close(deadline: Duration) async
}

extension KafkaConsumer: RequestSource {}
