package import KafkaClient
package import ModelRegistry

/// Which requests are answered again, and by what.
package struct ReplayPlan: Sendable {
    package struct Segment: Sendable, Hashable {
        package var partition: TopicPartition
        package var range: Range<Int64>

        package init(_ partition: TopicPartition, _ range: Range<Int64>) {
            self.partition = partition
            self.range = range
        }
    }

    /// Read one after the other, in this order; the next is opened meanwhile.
    package var segments: [Segment]
    /// Where the results were recorded.
    package var resultsTopic: String
    package var resultsPartitionCount: Int
    /// Answers every request; nil is the version that answered it then.
    package var model: ModelReference?
    /// Whether the recorded results matter beyond the versions that they name.
    package var isVerifying: Bool

    package init(
        segments: [Segment], resultsTopic: String, resultsPartitionCount: Int, model: ModelReference? = nil,
        isVerifying: Bool
    ) {
        self.segments = segments
        self.resultsTopic = resultsTopic
        self.resultsPartitionCount = max(1, resultsPartitionCount)
        self.model = model
        self.isVerifying = isVerifying
    }

    /// Where the results of a partition's requests may lie: at its own number, else anywhere, as the key had it.
    func resultsPartitions(of requests: TopicPartition) -> [TopicPartition] {
        let own = Int(requests.partition) < resultsPartitionCount
        let numbers = own ? [requests.partition] : (0..<resultsPartitionCount).map { Int32($0) }
        return numbers.map { TopicPartition(topic: resultsTopic, partition: $0) }
    }
}

/// What a replay needs of the cluster and the registry.
package struct ReplayAccess: Sendable {
    /// A reader that joins no group.
    package var makeReader: @Sendable () throws -> RangeReader
    package var admin: KafkaAdmin
    /// Makes a version ready to answer. Throws when it cannot be had.
    package var load: @Sendable (ModelReference) async throws -> Void
    /// Makes every version ready that a request may ask for by name.
    package var loadAll: @Sendable () async throws -> Void

    package init(
        admin: KafkaAdmin, makeReader: @escaping @Sendable () throws -> RangeReader,
        load: @escaping @Sendable (ModelReference) async throws -> Void,
        loadAll: @escaping @Sendable () async throws -> Void
    ) {
        self.admin = admin
        self.makeReader = makeReader
        self.load = load
        self.loadAll = loadAll
    }
}
