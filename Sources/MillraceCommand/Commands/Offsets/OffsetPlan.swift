import KafkaClient

/// The offsets that a reset gives to a group: computed from what is known, before anything is changed.
struct OffsetPlan: Sendable, Equatable {
    /// What an operator should know about one of the offsets.
    enum Remark: Sendable, Hashable, CustomStringConvertible {
        /// The offset that was asked for is below the log's start, so that the start is taken.
        case belowStart(Int64)
        /// The offset that was asked for is above the log's end, so that the end is taken.
        case aboveEnd(Int64)
        /// No record is at or after the time, so that the end is taken.
        case noRecordSince
        /// Nothing is committed, so that the end is taken.
        case notCommitted
        /// What is committed, and stays, is not within the log.
        case outsideLog

        var description: String {
            switch self {
            case .belowStart(let offset): "\(offset) is below the log's start"
            case .aboveEnd(let offset): "\(offset) is above the log's end"
            case .noRecordSince: "no record at or after the time: the log's end"
            case .notCommitted: "nothing committed: the log's end"
            case .outsideLog: "outside the log"
            }
        }
    }

    struct Entry: Sendable, Equatable {
        var partition: TopicPartition
        var committed: Int64?
        var bounds: LogBounds
        var target: Int64
        var remark: Remark?
    }

    /// By topic and partition.
    let entries: [Entry]

    /// - Throws: ``CommandFailure`` naming the first partition whose offset cannot be computed.
    init(_ scenario: ResetScenario, _ facts: [TopicPartition: PartitionFacts]) throws(CommandFailure) {
        var entries: [Entry] = []
        for (partition, facts) in facts.sorted(by: { $0.key < $1.key }) {
            let (target, remark) = try Self.target(scenario, partition, facts)
            entries.append(
                Entry(
                    partition: partition, committed: facts.committed, bounds: facts.bounds, target: target,
                    remark: remark))
        }
        self.entries = entries
    }

    var targets: [TopicPartition: Int64] {
        Dictionary(entries.map { ($0.partition, $0.target) }) { first, _ in first }
    }

    private static func target(
        _ scenario: ResetScenario, _ partition: TopicPartition, _ facts: PartitionFacts
    ) throws(CommandFailure) -> (Int64, Remark?) {
        let bounds = facts.bounds
        switch scenario {
        case .earliest: return (bounds.start, nil)
        case .latest: return (bounds.end, nil)
        case .offset(let offset): return keep(offset, within: bounds)
        case .current:
            guard let committed = facts.committed else { return (bounds.end, .notCommitted) }
            // Not moved into the log: this scenario says what is there.
            return (committed, committed < bounds.start || committed > bounds.end ? .outsideLog : nil)
        case .shift(let distance):
            guard let committed = facts.committed else {
                throw CommandFailure(
                    .usage, "\(partition): the group has committed no offset there that could be shifted")
            }
            let (sum, overflow) = committed.addingReportingOverflow(distance)
            return keep(overflow ? (distance < 0 ? .min : .max) : sum, within: bounds)
        case .time:
            guard let offset = facts.atTime else { return (bounds.end, .noRecordSince) }
            return (offset, nil)
        case .listed(let offsets):
            guard let offset = offsets[partition] else {
                throw CommandFailure(.usage, "\(partition): the file has no offset for it")
            }
            return keep(offset, within: bounds)
        }
    }

    /// As Apache Kafka's tool does it: the nearest offset of the log, and a warning.
    private static func keep(_ offset: Int64, within bounds: LogBounds) -> (Int64, Remark?) {
        if offset > bounds.end { return (bounds.end, .aboveEnd(offset)) }
        if offset < bounds.start { return (bounds.start, .belowStart(offset)) }
        return (offset, nil)
    }
}
