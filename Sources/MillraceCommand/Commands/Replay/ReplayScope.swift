import KafkaClient
import ModelRegistry
import Serving

/// Which requests are to be answered again, as a command line says it.
struct ReplayQuery: Sendable {
    /// Nil is the first of topics.requests.
    var topic: String?
    var from = OffsetBound.earliest
    /// Nil is the end, or of answered requests what the service has committed.
    var to: OffsetBound?
    /// Nil is all.
    var partitions: PartitionNumbers?
    /// Answers every request; nil is the version that answered it then.
    var model: String?
    /// Nil is topics.results.
    var resultsTopic: String?
    var outputTopic: String?
    /// Only what has recorded results is of use.
    var isOfAnswered = false
}

/// What a query means on this cluster: topics, ranges, version.
struct ReplayScope: Sendable {
    let topic: String
    let segments: [ReplayPlan.Segment]
    let resultsTopic: String
    let resultsPartitionCount: Int
    /// Partitions of the topic that the answers go to.
    let outputPartitionCount: Int
    let model: ModelReference?

    init(_ query: ReplayQuery, _ tool: ClusterTool) async throws {
        let configuration = tool.configuration
        guard let topic = query.topic ?? configuration.topics.requests.first else {
            throw CommandFailure(.usage, "topics.requests: found none, expected a topic to replay")
        }
        self.topic = topic
        resultsTopic = query.resultsTopic ?? configuration.topics.results
        let results = try await tool.knownPartitions(of: resultsTopic)
        if results == nil, query.isOfAnswered || query.model == nil {
            throw CommandFailure(
                .notFound,
                "topic \"\(resultsTopic)\" does not exist: there are no results to compare with or to take "
                    + "versions from; name another with --results-topic, or a version with --model")
        }
        resultsPartitionCount = results?.count ?? 0
        if let output = query.outputTopic {
            try Self.checkOutput(output, configuration, topic: topic, results: resultsTopic)
            outputPartitionCount = try await tool.partitions(of: output).count
        } else {
            outputPartitionCount = resultsPartitionCount
        }
        model = query.model.map { ModelReference(parsing: $0) }
        let partitions = try Self.chosen(try await tool.partitions(of: topic), query.partitions)
        segments = try await Self.segments(of: partitions, query, tool)
    }

    private static func checkOutput(
        _ output: String, _ configuration: MillraceConfiguration, topic: String, results: String
    ) throws {
        let taken = Set(configuration.topics.requests + [configuration.topics.results, results, topic])
        if taken.contains(output)
            || configuration.topics.requests.contains(where: {
                $0 + configuration.topics.deadLetterSuffix == output
            })
        {
            throw CommandFailure(
                .refused, "--output-topic \(output): the service reads or writes it; replay to a topic of its own")
        }
    }

    private static func chosen(_ partitions: [TopicPartition], _ wanted: PartitionNumbers?) throws -> [TopicPartition] {
        guard let wanted else { return partitions.sorted() }
        let known = Set(partitions.map(\.partition))
        if let unknown = wanted.numbers.subtracting(known).min() {
            throw CommandFailure(
                .notFound,
                "--partitions: \(partitions.first?.topic ?? "") has no partition \(unknown); "
                    + "it has \(partitions.count)")
        }
        return partitions.filter { wanted.numbers.contains($0.partition) }.sorted()
    }

    private static func segments(
        of partitions: [TopicPartition], _ query: ReplayQuery, _ tool: ClusterTool
    ) async throws -> [ReplayPlan.Segment] {
        let kept = try await tool.kept(partitions)
        let from = try await query.from.resolve(in: kept, admin: tool.admin)
        let to: [TopicPartition: Int64]
        if let bound = query.to {
            to = try await bound.resolve(in: kept, admin: tool.admin)
        } else if query.isOfAnswered {
            // What is not answered yet has no result to compare with.
            let committed = try await tool.admin.committedOffsets(
                ofGroup: tool.configuration.applicationID, partitions: partitions)
            to = kept.merging(committed.compactMapValues { $0 }.mapValues { 0..<$0 }) { range, answered in
                range.lowerBound..<max(range.lowerBound, min(range.upperBound, answered.upperBound))
            }.mapValues(\.upperBound)
        } else {
            to = kept.mapValues(\.upperBound)
        }
        return try partitions.map { partition in
            let held = kept[partition] ?? 0..<0
            let (first, end) = (from[partition] ?? held.lowerBound, to[partition] ?? held.upperBound)
            guard first >= held.lowerBound else {
                throw CommandFailure(
                    .refused,
                    "--from \(first): \(partition) begins at offset \(held.lowerBound) by now, what lay "
                        + "before has been deleted; left are \(held.lowerBound) to \(held.upperBound)")
            }
            guard end <= held.upperBound, first <= held.upperBound else {
                throw CommandFailure(
                    .refused,
                    "\(first) to \(end) is beyond the end of \(partition), which holds offsets "
                        + "\(held.lowerBound) to \(held.upperBound)")
            }
            guard first <= end else {
                if case .time = query.from { return ReplayPlan.Segment(partition, first..<first) }
                throw CommandFailure(.usage, "--from \(first) lies behind --to \(end) in \(partition)")
            }
            return ReplayPlan.Segment(partition, first..<end)
        }
    }
}
