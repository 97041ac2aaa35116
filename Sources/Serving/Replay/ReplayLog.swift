import Synchronization

/// What a replay has found so far, gathered from its reader and its sink.
package final class ReplayLog: Sendable {
    package struct Snapshot: Sendable {
        package var compared = 0
        package var identical = 0
        /// Errors that were taken over and not computed again.
        package var carried = 0
        package var versions: [String: Int] = [:]
        package var differences: [ResultDifference] = []
        package var differenceCount = 0
        /// Of a replay that measures it.
        package var agreement = ResultAgreement()

        package init() {}
    }

    private let state = Mutex(Snapshot())
    private let limit: Int
    private let onProgress: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: differences after which the replay stops.
    ///   - onProgress: called after every step, from any thread.
    package init(limit: Int, onProgress: @escaping @Sendable () -> Void = {}) {
        self.limit = max(1, limit)
        self.onProgress = onProgress
    }

    package var snapshot: Snapshot { state.withLock { $0 } }

    /// As many differences were found as were asked for.
    package var isFull: Bool { state.withLock { $0.differenceCount >= limit } }

    func add(_ difference: ResultDifference) {
        state.withLock { state in
            state.differenceCount += 1
            if state.differences.count < limit { state.differences.append(difference) }
        }
        onProgress()
    }

    func count(_ change: (inout Snapshot) -> Void) {
        state.withLock { change(&$0) }
    }

    func progressed() { onProgress() }
}
