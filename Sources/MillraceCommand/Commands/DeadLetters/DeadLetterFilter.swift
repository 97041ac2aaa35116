import ArgumentParser
import KafkaClient
import Serving

/// Which dead letters a command is about.
struct DeadLetterFilter: ParsableArguments {
    @Option(
        name: .customLong("topic"),
        help: ArgumentHelp("Dead letters of this request topic; may be repeated; default: topics.requests."))
    var topics: [String] = []

    @Option(help: ArgumentHelp("Only this error, MALFORMED_REQUEST for example.", valueName: "code"))
    var error: String?

    @Option(help: "Only records that ask for this model in their headers.")
    var model: String?

    @Option(help: ArgumentHelp("Only this partition of the dead-letter topic.", valueName: "number"))
    var partition: Int32?

    @Option(help: ArgumentHelp("From this place of the dead-letter topic on.", valueName: "offset|time"))
    var from: OffsetBound = .earliest

    @Option(help: ArgumentHelp("Up to this place, exclusive.", valueName: "offset|time"))
    var to: OffsetBound = .latest

    func matches(_ letter: DeadLetterRecord) -> Bool {
        if let error, letter.errorClass.uppercased() != error.uppercased() { return false }
        if let model, letter.model != model { return false }
        return true
    }

    /// The ranges of the dead-letter topics to look at.
    /// - Throws: ``CommandFailure`` when no dead-letter topic exists.
    func ranges(_ tool: ClusterTool) async throws -> [TopicPartition: Range<Int64>] {
        let sources = topics.isEmpty ? tool.configuration.topics.requests : topics
        let names = sources.map { $0 + tool.configuration.topics.deadLetterSuffix }
        var partitions: [TopicPartition] = []
        for name in names { partitions += try await tool.knownPartitions(of: name) ?? [] }
        guard !partitions.isEmpty else {
            throw CommandFailure(.notFound, "no dead-letter topic exists: looked for \(names.joined(separator: ", "))")
        }
        if let partition { partitions = partitions.filter { $0.partition == partition } }
        let kept = try await tool.kept(partitions)
        let first = try await from.resolve(in: kept, admin: tool.admin)
        let end = try await to.resolve(in: kept, admin: tool.admin)
        var ranges: [TopicPartition: Range<Int64>] = [:]
        for (partition, held) in kept {
            // What is gone cannot be listed, and what is asked for beyond the end is not there yet.
            let low = min(max(first[partition] ?? held.lowerBound, held.lowerBound), held.upperBound)
            let high = min(end[partition] ?? held.upperBound, held.upperBound)
            if low < high { ranges[partition] = low..<high }
        }
        return ranges
    }

    /// Calls `body` with each matching dead letter, a partition's in order; it returns false to end early.
    func read(_ tool: ClusterTool, _ body: (DeadLetterRecord) -> Bool) async throws {
        let ranges = try await ranges(tool)
        let reader = try tool.makeReader()
        let result: Result<Void, any Error>
        do {
            try await reader.start(ranges)
            reading: while let records = try await reader.next() {
                for record in records {
                    guard let letter = DeadLetterRecord(record), matches(letter) else { continue }
                    if !body(letter) { break reading }
                }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await reader.close()
        try result.get()
    }
}
