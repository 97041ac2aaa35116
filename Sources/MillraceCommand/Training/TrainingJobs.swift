import JSONDocuments
import KafkaClient

/// The jobs that the topic of training events tells of.
struct TrainingJobs: Sendable {
    /// Beyond, the job that was heard of least recently is forgotten.
    static let maximumJobs = 10_000

    private(set) var states: [String: TrainingJobState] = [:]
    /// Records that are no events.
    private(set) var unreadable = 0

    mutating func take(_ record: KafkaRecord) {
        // A tombstone of a compacted topic.
        guard record.value != nil else { return }
        let event: TrainingEventRecord
        do throws(JSONError) { event = try TrainingEventRecord(record) } catch {
            unreadable += 1
            return
        }
        if states[event.job] == nil {
            states[event.job] = TrainingJobState(event)
            if states.count > Self.maximumJobs,
                let oldest = states.min(by: { ($0.value.updated, $0.key) < ($1.value.updated, $1.key) })
            {
                states[oldest.key] = nil
            }
        } else {
            states[event.job]?.take(event)
        }
    }

    /// The oldest first.
    var sorted: [TrainingJobState] { states.values.sorted { ($0.begun, $0.job) < ($1.begun, $1.job) } }

    /// What the topic holds now.
    /// - Parameters:
    ///   - from: where to begin.
    ///   - job: only this one's.
    /// - Throws: ``CommandFailure`` when there is no such topic.
    static func read(
        _ tool: ClusterTool, topic: String, from: OffsetBound = .earliest, job: String? = nil,
        each: (KafkaRecord) -> Void = { _ in }
    ) async throws -> TrainingJobs {
        var jobs = TrainingJobs()
        try await TopicScan.read(tool, topic: topic, from: from) { record in
            if let job, record.key.map({ $0.elementsEqual(job.utf8) }) != true { return }
            jobs.take(record)
            each(record)
        }
        return jobs
    }
}

/// Reads all that a topic holds now, outside of any group.
enum TopicScan {
    static func read(
        _ tool: ClusterTool, topic: String, from: OffsetBound = .earliest, _ handle: (KafkaRecord) -> Void
    ) async throws {
        let kept = try await tool.kept(try await tool.partitions(of: topic))
        let first = try await from.resolve(in: kept, admin: tool.admin)
        var ranges: [TopicPartition: Range<Int64>] = [:]
        for (partition, range) in kept {
            let start = min(max(first[partition] ?? range.lowerBound, range.lowerBound), range.upperBound)
            ranges[partition] = start..<range.upperBound
        }
        let reader = try tool.makeReader()
        let result: Result<Void, any Error>
        do {
            try await reader.start(ranges)
            while let records = try await reader.next() { records.forEach(handle) }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await reader.close()
        try result.get()
    }
}
