package import KafkaClient

/// Finds the results of one request.
package struct ResultSearch: Sendable {
    private let topic: String
    private let partitions: [TopicPartition]
    private let admin: KafkaAdmin
    private let makeReader: @Sendable () throws -> RangeReader

    package init(
        topic: String, partitions: [TopicPartition], admin: KafkaAdmin,
        makeReader: @escaping @Sendable () throws -> RangeReader
    ) {
        self.topic = topic
        self.partitions = partitions
        self.admin = admin
        self.makeReader = makeReader
    }

    /// Every result of the request, in the order of their positions.
    ///
    /// - Parameter requestTimestamp: saves reading what is older; nil reads the partition from its beginning.
    package func results(of request: RecordPosition, requestTimestamp: Int64?) async throws -> [RecordedResult] {
        let own = TopicPartition(topic: topic, partition: request.topicPartition.partition)
        // At the request's partition number when the topic has it, else where the key had it go.
        let places = partitions.contains(own) ? [own] : partitions
        var results = try await RecordedResults.open(
            of: request.topicPartition, in: request.offset..<(request.offset + 1), partitions: places,
            firstTimestamp: requestTimestamp, admin: admin, makeReader: makeReader)
        do {
            let found = try await results.everything()
            await results.close()
            return found.sorted { $0.position < $1.position }
        } catch {
            await results.close()
            throw error
        }
    }
}
