package import KafkaClient

/// Why a replay cannot be done.
package enum ReplayError: Error, Sendable, CustomStringConvertible {
    /// The results of the first requests have been deleted: nothing is left to compare with or to take versions from.
    case resultsGone(TopicPartition, first: Int64, oldest: RecordPosition?)
    /// A version that answered some of the requests cannot be had any more.
    case versionUnavailable(String, answered: RecordPosition, reason: String)
    /// The pipeline stopped before everything was answered.
    case incomplete(String)

    package var description: String {
        switch self {
        case .resultsGone(let partition, let first, let oldest):
            "\(partition): the results of offset \(first) and after have been deleted; "
                + (oldest.map { "the oldest that is left answers offset \($0.offset)" } ?? "none is left")
        case .versionUnavailable(let version, let answered, let reason):
            "version \(version), which answered \(answered), cannot be loaded: \(reason)"
        case .incomplete(let reason): "the replay ended early: \(reason)"
        }
    }
}
