import DequeModule
package import KafkaClient
package import TensorEngine

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
    private var lanes = LaneTable()
    private var laneNumbers: [TopicPartition: Int] = [:]
    /// Rows admitted and not yet published.
    package private(set) var rows = 0
    /// Bytes of requests admitted and not yet published.
    package private(set) var bytes = 0
    /// Rows answered whose publication has not begun.
    package private(set) var answeredRows = 0
    /// The set whose publication is under way; at most one at a time.
    package private(set) var publishing: AnswerSet?
    private var publishingLanes: Set<Int> = []

    package init(limits: Limits) {
        self.limits = limits
    }

    package var assignment: [TopicPartition] { laneNumbers.keys.sorted() }

    /// Nothing is admitted that is not also published.
    package var isIdle: Bool { publishing == nil && lanes.allSatisfy(\.entries.isEmpty) }

    /// Too much is under way to take more.
    package var isFull: Bool { rows >= limits.maximumRows || bytes >= limits.maximumBytes }

    /// Enough has left for taking more again; below ``isFull`` by half, so that partitions are not paused and resumed
    /// for every batch.
    package var hasRoom: Bool { rows <= limits.maximumRows / 2 && bytes <= limits.maximumBytes / 2 }

    /// Enough is answered for a set that is worth a transaction of its own while more is on its way.
    package var hasAnsweredSet: Bool { answeredRows >= min(limits.maximumSetSize, limits.maximumRows / 2) }

    /// Bytes that may still be admitted.
    package var byteRoom: Int { max(0, limits.maximumBytes - bytes) }
    /// Records that may still be admitted, a row each at least.
    package var rowRoom: Int { max(0, limits.maximumRows - rows) }

    package mutating func assign(_ partitions: some Sequence<TopicPartition>) {
        for partition in partitions where laneNumbers[partition] == nil {
            laneNumbers[partition] = lanes.append(PartitionLane(partition))
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
        laneNumbers[partition].flatMap { admit(lane: $0, offset: offset, bytes: bytes) }
    }

    /// The lane of an assigned partition, for admitting many of its records.
    package func lane(of partition: TopicPartition) -> Int? { laneNumbers[partition] }

    package mutating func admit(lane number: Int, offset: Int64, bytes: Int) -> Ticket? {
        guard let sequence = lanes[number]?.append(offset: offset, bytes: bytes) else { return nil }
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

    /// The record turned out to be this request.
    package mutating func hold(_ request: PendingRequest, for ticket: Ticket) {
        lanes[ticket.lane]?.update(ticket.sequence) { $0.request = request }
        setRows(request.request.rowCount, for: ticket)
    }

    /// The request that awaits its answer; nil once it has one, or when the partition is lost.
    package func pending(_ ticket: Ticket) -> PendingRequest? {
        lanes[ticket.lane]?[ticket.sequence]?.request
    }

    /// Some rows of a split request have their outputs.
    /// - Returns: whether it was the last part.
    package mutating func addPart(_ outputs: [Tensor], rows: Range<Int>, for ticket: Ticket) -> Bool {
        var isComplete = false
        lanes[ticket.lane]?.update(ticket.sequence) { entry in
            entry.request?.openRows -= rows.count
            entry.request?.parts.append((rows.lowerBound, outputs))
            isComplete = entry.request?.openRows == 0
        }
        return isComplete
    }

    /// Hands over the outputs of a complete request, in row order.
    package mutating func takeParts(_ ticket: Ticket) -> [[Tensor]] {
        var parts: [(start: Int, outputs: [Tensor])] = []
        lanes[ticket.lane]?.update(ticket.sequence) { entry in
            parts = entry.request?.parts ?? []
            entry.request?.parts = []
        }
        return parts.sorted { $0.start < $1.start }.map(\.outputs)
    }

    /// The record is answered by these records.
    package mutating func answer(_ ticket: Ticket, with records: ProducerRecords) {
        var rows = 0
        lanes[ticket.lane]?.update(ticket.sequence) { entry in
            if entry.answer == nil { rows = entry.rows }
            entry.request = nil
            entry.answer = records
        }
        answeredRows += rows
    }

    /// Starts the publication of everything answered in order; nil while one is under way or nothing is answered.
    package mutating func beginPublishing() -> AnswerSet? {
        guard publishing == nil else { return nil }
        var set = AnswerSet()
        var touched: Set<Int> = []
        for number in lanes.numbers {
            guard let partition = lanes[number]?.topicPartition else { continue }
            var next: Int64?
            let limit = limits.maximumSetSize - set.requestCount
            let count = lanes[number]?.takeAnswered(limit: limit) { entry, answer in
                set.records.append(contentsOf: answer)
                set.rows += entry.rows
                set.bytes += entry.bytes
                next = entry.offset + 1
            }
            guard let count, let next else { continue }
            set.requestCount += count
            set.offsets[partition] = next
            touched.insert(number)
        }
        guard !set.isEmpty else { return nil }
        answeredRows -= set.rows
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
        for entry in lanes.remove(number)?.entries ?? [] {
            rows -= entry.rows
            bytes -= entry.bytes
            if entry.answer != nil { answeredRows -= entry.rows }
        }
    }
}

/// Lanes by their numbers, which are never used again.
private struct LaneTable: Sendable {
    private var lanes: Deque<PartitionLane?> = []
    /// The number of the first lane kept.
    private var first = 0

    mutating func append(_ lane: PartitionLane) -> Int {
        lanes.append(lane)
        return first + lanes.count - 1
    }

    mutating func remove(_ number: Int) -> PartitionLane? {
        defer {
            while let oldest = lanes.first, oldest == nil {
                lanes.removeFirst()
                first += 1
            }
        }
        let lane = self[number]
        self[number] = nil
        return lane
    }

    subscript(number: Int) -> PartitionLane? {
        get { contains(number) ? lanes[number - first] : nil }
        _modify {
            var nothing: PartitionLane?
            if contains(number) { yield &lanes[number - first] } else { yield &nothing }
        }
    }

    /// In the order in which they were appended; some may be gone.
    var numbers: Range<Int> { first..<(first + lanes.count) }

    func allSatisfy(_ holds: (PartitionLane) -> Bool) -> Bool { lanes.allSatisfy { $0.map(holds) ?? true } }

    private func contains(_ number: Int) -> Bool { number >= first && number - first < lanes.count }
}
