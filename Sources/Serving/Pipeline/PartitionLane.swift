import DequeModule
import KafkaClient

/// The records of one assignment of one partition, from the first unanswered one on, in offset order.
///
/// Answers arrive in any order and leave in offset order, so that order per key survives.
struct PartitionLane {
    struct Entry {
        let offset: Int64
        /// What the record holds of the pipeline's limits until its answer is published.
        var rows: Int
        let bytes: Int
        var answer: [ProducerRecord]?
    }

    let topicPartition: TopicPartition
    /// The sequence number of `entries.first`.
    private(set) var firstSequence = 0
    private(set) var entries: Deque<Entry> = []
    /// The first offset whose answer is not known to be published: where a redo starts.
    private(set) var restartOffset: Int64?
    /// One past the last admitted offset.
    private(set) var nextOffset: Int64?

    init(_ topicPartition: TopicPartition) {
        self.topicPartition = topicPartition
    }

    /// The sequence number of the record, or nil when it is one that the lane already holds or has answered.
    mutating func append(offset: Int64, bytes: Int) -> Int? {
        if let nextOffset, offset < nextOffset { return nil }
        entries.append(Entry(offset: offset, rows: 1, bytes: bytes, answer: nil))
        if restartOffset == nil { restartOffset = offset }
        nextOffset = offset + 1
        return firstSequence + entries.count - 1
    }

    func contains(_ sequence: Int) -> Bool {
        (firstSequence..<(firstSequence + entries.count)).contains(sequence)
    }

    /// Calls `change` with the record of a sequence number that ``contains(_:)``.
    mutating func update(_ sequence: Int, _ change: (inout Entry) -> Void) {
        guard contains(sequence) else { return }
        change(&entries[entries.startIndex + (sequence - firstSequence)])
    }

    /// Removes and returns the answered records before the first unanswered one, at most `limit` of them.
    mutating func takeAnswered(limit: Int) -> [Entry] {
        var taken: [Entry] = []
        while taken.count < limit, let first = entries.first, first.answer != nil {
            taken.append(first)
            entries.removeFirst()
        }
        firstSequence += taken.count
        return taken
    }

    /// Every record before `offset` is published.
    mutating func published(upTo offset: Int64) {
        restartOffset = max(restartOffset ?? offset, offset)
    }
}
