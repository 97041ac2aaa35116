/// A consumer group as the cluster lists it.
public struct GroupListing: Sendable, Hashable {
    public var id: String
    /// As ``GroupDescription/state``.
    public var state: String
    /// The group only holds offsets: no member ever joined it.
    public var isSimple: Bool

    public init(id: String, state: String, isSimple: Bool) {
        self.id = id
        self.state = state
        self.isSimple = isSimple
    }
}

/// Where a partition's log begins and ends.
public struct LogBounds: Sendable, Hashable {
    /// The first offset that is kept.
    public var start: Int64
    /// One after the last record: the offset of the next one.
    public var end: Int64

    public init(start: Int64, end: Int64) {
        self.start = start
        self.end = end
    }
}

/// What counts when offsets are looked up.
public enum OffsetIsolation: Sendable, Hashable {
    /// Only what comes before the first open transaction: what a `read_committed` consumer can reach now.
    case readCommitted
    /// Every record in the log.
    case readUncommitted
}
