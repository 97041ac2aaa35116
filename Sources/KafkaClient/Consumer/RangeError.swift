/// Why a range of a partition cannot be read to its end.
public enum RangeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The log holds `kept`: what lies before has been deleted, what lies behind is not written yet.
    case outsideLog(TopicPartition, requested: Range<Int64>, kept: Range<Int64>)
    /// Nothing arrived for as long as the reader was told to wait; the next offset of each unfinished partition.
    case stalled([TopicPartition: Int64])

    public var description: String {
        switch self {
        case .outsideLog(let partition, let requested, let kept):
            "\(partition): offsets \(requested.lowerBound) to \(requested.upperBound) were asked for, "
                + "the log holds \(kept.lowerBound) to \(kept.upperBound)"
        case .stalled(let positions):
            "no records arrived in time; waiting for "
                + positions.sorted { $0.key < $1.key }.map { "\($0.key) at \($0.value)" }.joined(separator: ", ")
        }
    }
}
