import DequeModule
import KafkaClient
import TensorEngine

/// A request on its way through the engine.
package struct PendingRequest: Sendable {
    let request: BoundRequest
    let record: KafkaRecord
    /// Rows whose outputs are still to come.
    var openRows: Int
    /// Outputs of a split request's parts, by their first row.
    var parts: [(start: Int, outputs: [Tensor])] = []

    init(_ request: BoundRequest, _ record: KafkaRecord) {
        self.request = request
        self.record = record
        openRows = request.rowCount
    }
}

/// The records of one assignment of one partition, from the first unanswered one on, in offset order.
///
/// Answers arrive in any order and leave in offset order, so that order per key survives.
struct PartitionLane {
    struct Entry {
        let offset: Int64
        /// What the record holds of the pipeline's limits until its answer is published.
        var rows: Int
        let bytes: Int
        /// The decoded request, until its answer is there.
        var request: PendingRequest?
        var answer: ProducerRecords?
    }

    let topicPartition: TopicPartition
    /// The sequence number of `entries.first`.
    private(set) var firstSequence = 0
    private(set) var entries: Deque<Entry> = []
    /// The first offset whose answer is not known to be published: where a redo starts.
    private(set) var restartOffset: Int64?
    /// Records before this sequence number are published.
    private(set) var publishedSequence = 0
    /// One past the last admitted offset.
    private(set) var nextOffset: Int64?

    init(_ topicPartition: TopicPartition) {
        self.topicPartition = topicPartition
    }

    /// The sequence number of the record, or nil when it is one that the lane already holds or has answered.
    mutating func append(offset: Int64, bytes: Int) -> Int? {
        if let nextOffset, offset < nextOffset { return nil }
        entries.append(Entry(offset: offset, rows: 1, bytes: bytes, request: nil, answer: nil))
        if restartOffset == nil { restartOffset = offset }
        nextOffset = offset + 1
        return firstSequence + entries.count - 1
    }

    subscript(sequence: Int) -> Entry? {
        contains(sequence) ? entries[entries.startIndex + (sequence - firstSequence)] : nil
    }

    func contains(_ sequence: Int) -> Bool {
        (firstSequence..<(firstSequence + entries.count)).contains(sequence)
    }

    /// Calls `change` with the record of a sequence number that ``contains(_:)``.
    mutating func update(_ sequence: Int, _ change: (inout Entry) -> Void) {
        guard contains(sequence) else { return }
        change(&entries[entries.startIndex + (sequence - firstSequence)])
    }

    /// Calls `body` with each answered record before the first unanswered one, at most `limit` of them, and removes them.
    /// - Returns: how many there were.
    mutating func takeAnswered(limit: Int, _ body: (Entry, ProducerRecords) -> Void) -> Int {
        var count = 0
        while count < limit, let first = entries.first, let answer = first.answer {
            body(first, answer)
            entries.removeFirst()
            count += 1
        }
        firstSequence += count
        return count
    }

    /// Every record before `offset` is published: all that were taken.
    mutating func published(upTo offset: Int64) {
        publishedSequence = firstSequence
        restartOffset = max(restartOffset ?? offset, offset)
    }
}
