import KafkaClient

/// Where a reset moves a group's offsets to.
enum ResetScenario: Sendable, Equatable {
    case earliest, latest
    /// What is committed; the end of the log where nothing is.
    case current
    case offset(Int64)
    /// So many records after (before, when negative) what is committed.
    case shift(Int64)
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC; the end of the log where there is
    /// none.
    case time(Int64)
    /// Offset by offset.
    case listed([TopicPartition: Int64])
}

/// What a reset needs to know of one partition.
struct PartitionFacts: Sendable, Equatable {
    /// `nil` when the group has committed nothing there.
    var committed: Int64?
    var bounds: LogBounds
    /// The first record at or after ``ResetScenario/time(_:)``; `nil` when there is none or no time was asked for.
    var atTime: Int64?
}
