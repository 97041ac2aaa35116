import Synchronization

/// The ranges that a ``RangeReader`` has not finished.
final class OpenRanges: Sendable {
    private let ranges = Mutex<[TopicPartition: Range<Int64>]>([:])

    var isEmpty: Bool { ranges.withLock(\.isEmpty) }

    /// The next offset of each.
    var positions: [TopicPartition: Int64] { ranges.withLock { $0.mapValues(\.lowerBound) } }

    func set(_ new: [TopicPartition: Range<Int64>]) {
        ranges.withLock { $0 = new }
    }

    func finish(_ partition: TopicPartition) {
        ranges.withLock { $0[partition] = nil }
    }

    /// Those of the records that lie in open ranges; the ranges move on behind them.
    func take(_ records: [KafkaRecord]) -> [KafkaRecord] {
        ranges.withLock { ranges in
            records.filter { record in
                let partition = record.topicPartition
                guard let range = ranges[partition] else { return false }
                // Past the end: what was left of the range were markers and aborted records.
                let isInside = record.offset < range.upperBound
                let next = record.offset + 1
                ranges[partition] = next < range.upperBound ? next..<range.upperBound : nil
                return isInside
            }
        }
    }
}
