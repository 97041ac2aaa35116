/// Notices when librdkafka's queue of fetched records has been full and is running low.
///
/// Up to version 2.1 a fetcher that found the queue full looks again when something else wakes its thread, a second later
/// at the latest: long enough for the queue to run dry. Somebody must wake it in time.
struct PrefetchWatch: Sendable {
    private let maximumRecords: Int
    private let maximumBytes: Int
    /// Bytes of a record, as last seen: the queue tells only its length.
    private var recordBytes = 0
    private var hasBeenFull = false

    init(maximumRecords: Int, maximumBytes: Int) {
        self.maximumRecords = max(maximumRecords, 1)
        self.maximumBytes = max(maximumBytes, 1)
    }

    /// Takes note of a drain.
    ///
    /// - Parameter queued: records that are left in the queue.
    /// - Returns: whether the fetchers are to be woken.
    mutating func isRunningLow(drained count: Int, bytes: Int, queued: Int) -> Bool {
        if count > 0 { recordBytes = bytes / count }
        let fill = max(
            Double(queued) / Double(maximumRecords), Double(queued) * Double(recordBytes) / Double(maximumBytes))
        // Below what is full: the queue counts its bytes differently, and some have left since.
        if fill > 0.6 { hasBeenFull = true }
        guard hasBeenFull, fill < 0.4 else { return false }
        hasBeenFull = false
        return true
    }
}
