import DequeModule
package import KafkaClient

/// Answers that are published together, and the offsets which then count as answered.
package struct AnswerSet: Sendable {
    package var records: [ProducerRecord] = []
    /// For each partition the offset after the last answered record.
    package var offsets: [TopicPartition: Int64] = [:]
    /// Requests answered.
    package var requestCount = 0
    package var rows = 0
    package var bytes = 0

    package var isEmpty: Bool { requestCount == 0 }

    package init() {}
}

/// What the pipeline holds of the log: which records are being worked on, which are answered, and up to where.
///
/// A value without clock, broker or threads; every method says what happened and returns what to do.
package struct PipelineState: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Rows admitted and not yet published, above which no more records are taken.
        package var maximumRows: Int
        /// Bytes of requests admitted and not yet published, above which no more records are taken.
        package var maximumBytes: Int
        /// Requests in one answer set.
        package var maximumSetSize: Int

        package init(maximumRows: Int = 8192, maximumBytes: Int = 256 << 20, maximumSetSize: Int = 10_000) {
            self.maximumRows = max(1, maximumRows)
            self.maximumBytes = max(1, maximumBytes)
            self.maximumSetSize = max(1, maximumSetSize)
        }
    }

    package let limits: Limits
    private var lanes: [Int: PartitionLane] = [:]
    private var laneNumbers: [TopicPartition: Int] = [:]
    private var nextLane = 0
    /// Rows admitted and not yet published.
    package private(set) var rows = 0
    /// Bytes of requests admitted and not yet published.
    package private(set) var bytes = 0
    /// The set whose publication is under way; at most one at a time.
    package private(set) var publishing: AnswerSet?
    private var publishingLanes: Set<Int> = []

    package init(limits: Limits) {
        self.limits = limits
    }

    package var assignment: [TopicPartition] { laneNumbers.keys.sorted() }

    /// Nothing is admitted that is not also published.
    package var isIdle: Bool { publishing == nil && lanes.values.allSatisfy(\.entries.isEmpty) }

    /// Too much is under way to take more.
    package var isFull: Bool { rows >= limits.maximumRows || bytes >= limits.maximumBytes }

    /// Enough has left for taking more again; below ``isFull`` by half, so that partitions are not paused and resumed
    /// for every batch.
    package var hasRoom: Bool { rows <= limits.maximumRows / 2 && bytes <= limits.maximumBytes / 2 }

    /// Bytes that may still be admitted.
    package var byteRoom: Int { max(0, limits.maximumBytes - bytes) }
    /// Records that may still be admitted, a row each at least.
    package var rowRoom: Int { max(0, limits.maximumRows - rows) }

    package mutating func assign(_ partitions: some Sequence<TopicPartition>) {
        for partition in partitions where laneNumbers[partition] == nil {
            laneNumbers[partition] = nextLane
            lanes[nextLane] = PartitionLane(partition)
            nextLane += 1
        }
    }

    /// Forgets partitions and everything admitted of them. Answers that still arrive belong to nothing.
    package mutating func revoke(_ partitions: some Sequence<TopicPartition>) {
        for partition in partitions {
            guard let number = laneNumbers.removeValue(forKey: partition) else { continue }
            release(number)
        }
    }

    /// Takes a record in; nil when it belongs to no assigned partition or was taken before.
    package mutating func admit(_ partition: TopicPartition, offset: Int64, bytes: Int) -> Ticket? {
        guard let number = laneNumbers[partition],
            let sequence = lanes[number]?.append(offset: offset, bytes: bytes)
        else { return nil }
        rows += 1
        self.bytes += bytes
        return Ticket(lane: number, sequence: sequence)
    }

    /// Whether an answer for this ticket would still belong to anything.
    package func isLive(_ ticket: Ticket) -> Bool {
        lanes[ticket.lane]?.contains(ticket.sequence) ?? false
    }

    /// The record turned out to have so many rows.
    package mutating func setRows(_ count: Int, for ticket: Ticket) {
        var difference = 0
        lanes[ticket.lane]?.update(ticket.sequence) { entry in
            difference = count - entry.rows
            entry.rows = count
        }
        rows += difference
    }

    /// The record is answered by these records.
    package mutating func answer(_ ticket: Ticket, with records: [ProducerRecord]) {
        lanes[ticket.lane]?.update(ticket.sequence) { $0.answer = records }
    }

    /// Starts the publication of everything answered in order; nil while one is under way or nothing is answered.
    package mutating func beginPublishing() -> AnswerSet? {
        guard publishing == nil else { return nil }
        var set = AnswerSet()
        var touched: Set<Int> = []
        for number in lanes.keys.sorted() {
            let taken = lanes[number]?.takeAnswered(limit: limits.maximumSetSize - set.requestCount) ?? []
            guard let last = taken.last, let partition = lanes[number]?.topicPartition else { continue }
            for entry in taken {
                set.records += entry.answer ?? []
                set.rows += entry.rows
                set.bytes += entry.bytes
            }
            set.requestCount += taken.count
            set.offsets[partition] = last.offset + 1
            touched.insert(number)
        }
        guard !set.isEmpty else { return nil }
        publishing = set
        publishingLanes = touched
        return set
    }

    /// The set under way is published.
    package mutating func finishPublishing() {
        guard let set = publishing else { return }
        for number in publishingLanes {
            guard let partition = lanes[number]?.topicPartition, let offset = set.offsets[partition] else { continue }
            lanes[number]?.published(upTo: offset)
        }
        endPublishing(set)
    }

    /// The set under way was not published: everything admitted is forgotten and read again.
    /// - Returns: for each assigned partition that had records, where to read from.
    package mutating func rewind() -> [TopicPartition: Int64] {
        if let set = publishing { endPublishing(set) }
        var positions: [TopicPartition: Int64] = [:]
        let partitions = assignment
        for partition in partitions {
            if let number = laneNumbers[partition], let offset = lanes[number]?.restartOffset {
                positions[partition] = offset
            }
        }
        revoke(partitions)
        assign(partitions)
        return positions
    }

    private mutating func endPublishing(_ set: AnswerSet) {
        rows -= set.rows
        bytes -= set.bytes
        publishing = nil
        publishingLanes = []
    }

    private mutating func release(_ number: Int) {
        for entry in lanes.removeValue(forKey: number)?.entries ?? [] {
            rows -= entry.rows
            bytes -= entry.bytes
        }
    }
}
