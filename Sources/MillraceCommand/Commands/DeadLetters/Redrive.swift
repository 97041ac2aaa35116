import KafkaClient
import Serving

/// Puts dead letters back, each once.
///
/// Two things tell what was done before. The group's committed offset in a dead-letter partition is one after the last
/// dead letter that was put back: from there on nothing was. Before it, the trail decides: a record of the original topic
/// that names the dead letter in its header. Both are written in one transaction.
struct Redrive {
    private static let transactionSize = 500
    /// What is asked to be put back is held in memory.
    private static let maximumLetters = 100_000

    private let filter: DeadLetterFilter
    private let takesAgain: Bool
    private let limit: Int
    private let tool: ClusterTool

    init(_ filter: DeadLetterFilter, takesAgain: Bool, limit: Int, _ tool: ClusterTool) {
        self.filter = filter
        self.takesAgain = takesAgain
        self.limit = limit
        self.tool = tool
    }

    private var group: String { "\(tool.configuration.applicationID)-redrive" }

    func run(executing: Bool) async throws -> RedriveReport {
        guard executing else { return try await plan() }
        var producer = try tool.configuration.producerConfiguration()
        producer.kafka = try tool.configuration.kafkaConfiguration(role: "redrive-producer")
        let transactional = try TransactionalProducer(
            TransactionalProducerConfiguration(producer: producer, transactionalID: group), logger: tool.logger)
        let result: Result<RedriveReport, any Error>
        do {
            // Fences another operator and settles what was left open, before anything is read.
            try await transactional.initTransactions()
            var report = try await plan()
            try await write(report.chosen, transactional)
            report.isExecuted = true
            result = .success(report)
        } catch {
            result = .failure(error)
        }
        await transactional.close(deadline: .seconds(5))
        return try result.get()
    }

    // MARK: What is to be done

    private func plan() async throws -> RedriveReport {
        var letters: [DeadLetterRecord] = []
        var isTooMuch = false
        try await filter.read(tool) { letter in
            letters.append(letter)
            isTooMuch = letters.count > Self.maximumLetters
            return !isTooMuch
        }
        if isTooMuch {
            throw CommandFailure(
                .refused, "more than \(Self.maximumLetters) dead letters match; choose fewer with --from and --to")
        }
        letters.sort { $0.position < $1.position }
        let committed = try await committed(letters)
        let doubtful = letters.filter { $0.position.offset < committed[$0.position.topicPartition] ?? 0 }
        let trail = takesAgain ? Trail() : try await readTrail(doubtful)
        var report = RedriveReport()
        for letter in letters {
            let isDoubtful = letter.position.offset < committed[letter.position.topicPartition] ?? 0
            if !takesAgain, isDoubtful, trail.mayName(letter) {
                report.leftOut.append(letter)
            } else {
                report.chosen.append(letter)
            }
        }
        try checkCounts(report.chosen)
        return report
    }

    private func checkCounts(_ letters: [DeadLetterRecord]) throws {
        let worn = letters.filter { $0.redriveCount >= limit }
        guard let first = worn.first else { return }
        throw CommandFailure(
            .refused,
            "\(worn.count) of \(letters.count) records have been put back \(limit) times or more, the first at "
                + "\(first.position) (\(first.redriveCount) times); see --limit")
    }

    private func committed(_ letters: [DeadLetterRecord]) async throws -> [TopicPartition: Int64] {
        let partitions = Array(Set(letters.map(\.position.topicPartition)))
        return try await tool.admin.committedOffsets(ofGroup: group, partitions: partitions).compactMapValues { $0 }
    }

    // MARK: The trail

    /// What the original topics say has been put back.
    private struct Trail {
        var named: Set<String> = []
        /// Partitions of which records have been deleted since, by the time of their oldest record.
        var oldest: [TopicPartition: Int64] = [:]

        /// Whether the dead letter has been put back, or may have been: the record that would say so may be gone.
        func mayName(_ letter: DeadLetterRecord) -> Bool {
            if named.contains(letter.position.description) { return true }
            guard let oldest = oldest[letter.source.topicPartition] else { return false }
            return (letter.record.timestamp ?? .min) < oldest
        }
    }

    /// Reads the original partitions from the time of the oldest dead letter in doubt on.
    private func readTrail(_ letters: [DeadLetterRecord]) async throws -> Trail {
        var trail = Trail()
        let byPartition = Dictionary(grouping: letters, by: \.source.topicPartition)
        guard !byPartition.isEmpty else { return trail }
        let kept = try await tool.kept(byPartition.keys.sorted())
        var ranges: [TopicPartition: Range<Int64>] = [:]
        for (partition, letters) in byPartition {
            guard let held = kept[partition] else { continue }
            // A record is put back behind the one that failed.
            let failed = letters.map(\.source.offset).min() ?? held.lowerBound
            ranges[partition] = min(max(failed, held.lowerBound), held.upperBound)..<held.upperBound
            if held.lowerBound > failed, !held.isEmpty {
                trail.oldest[partition] =
                    (try? await tool.record(at: partition, offset: held.lowerBound).timestamp).flatMap { $0 } ?? .max
            } else if held.isEmpty, held.lowerBound > 0 {
                trail.oldest[partition] = .max
            }
        }
        let reader = try tool.makeReader()
        let result: Result<Void, any Error>
        do {
            try await reader.start(ranges)
            while let records = try await reader.next() {
                for record in records where record.firstValue(named: DeadLetterRecord.trailHeader) != nil {
                    for header in record.headers where header.name == DeadLetterRecord.trailHeader {
                        trail.named.insert(String(decoding: header.value ?? [], as: UTF8.self))
                    }
                }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await reader.close()
        try result.get()
        return trail
    }

    // MARK: Writing

    private func write(_ letters: [DeadLetterRecord], _ producer: TransactionalProducer) async throws {
        var progress = ProgressBar("redriving", total: letters.count)
        defer { progress.finish() }
        let membership = ConsumerGroupMetadata(group: group, generation: -1, member: "")
        var committed = try await committed(letters)
        for start in stride(from: 0, to: letters.count, by: Self.transactionSize) {
            let part = letters[start..<min(start + Self.transactionSize, letters.count)]
            for letter in part {
                let partition = letter.position.topicPartition
                committed[partition] = max(committed[partition] ?? 0, letter.position.offset + 1)
            }
            let touched = Set(part.map(\.position.topicPartition))
            var records: [ProducerRecord] = []
            for letter in part { records.append(letter.redriven(from: try await original(of: letter))) }
            switch await producer.transaction(
                records: records, offsets: committed.filter { touched.contains($0.key) },
                group: membership)
            {
            case .committed: progress.update(start + part.count)
            case .aborted(let error), .fatal(let error):
                throw CommandFailure(
                    .broker,
                    "\(start) of \(letters.count) dead letters were put back, then: \(error); give the same "
                        + "command again for the rest")
            }
            await AdminAction.record(
                "deadletters.redrive",
                target: Set(part.map(\.source.topicPartition.topic)).sorted().joined(separator: ","),
                details: ["records": "\(part.count)", "first": part.first.map { "\($0.position)" } ?? ""],
                in: RegistryJournal(tool.configuration))
        }
    }

    /// The record that a dead letter had no room for.
    private func original(of letter: DeadLetterRecord) async throws -> KafkaRecord? {
        guard letter.isOmitted else { return nil }
        return try await tool.record(at: letter.source.topicPartition, offset: letter.source.offset)
    }
}
