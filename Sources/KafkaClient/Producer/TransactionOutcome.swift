/// How a transaction ended. There is no fourth way.
public enum TransactionOutcome: Sendable {
    /// Results and offsets are visible, atomically.
    case committed
    /// Nothing of it is visible. Rewind to the batch's first offsets and redo it; `recordIndex` names the record that
    /// caused it, where one did.
    case aborted(KafkaError)
    /// The producer cannot go on, or the outcome is unknown. Stop the process and restart clean: initialising a new
    /// producer with the same transactional id settles what was open.
    case fatal(KafkaError)
}
