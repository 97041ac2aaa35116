import Synchronization

/// Counts of what a pipeline has done since it started; read while it runs.
package final class PipelineStatistics: Sendable {
    package struct Snapshot: Sendable {
        package var requests = 0
        package var errors = 0
        package var published = 0
        /// Sets published: transactions, or acknowledged sets.
        package var publications = 0
        /// Batches by their number of rows.
        package var batchSizes: [Int: Int] = [:]
        package var redone = 0
    }

    private let state = Mutex(Snapshot())

    package init() {}

    package var snapshot: Snapshot { state.withLock { $0 } }

    func countBatch(rows: Int) { state.withLock { $0.batchSizes[rows, default: 0] += 1 } }
    func countAnswers(_ count: Int, errors: Int) {
        state.withLock {
            $0.requests += count
            $0.errors += errors
        }
    }
    package func countPublished(_ count: Int) {
        state.withLock {
            $0.published += count
            $0.publications += 1
        }
    }
    func countRedo() { state.withLock { $0.redone += 1 } }
}
