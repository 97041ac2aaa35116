package import Metrics
package import ModelRegistry
import Synchronization

/// What one instance's training counts, for whichever metrics system the program has.
package final class TrainingMetrics: Sendable {
    /// How a job came to its end.
    package enum End: Sendable, Hashable {
        case completed
        case failed(TrainingFailure.Code)
        case cancelled
    }

    private struct State {
        var jobs = 0
        var fits = 0
    }

    private let factory: any MetricsFactory
    private let state = Mutex(State())
    private let runningJobs: Gauge
    private let runningFits: Gauge
    private let waitingRequests: Gauge
    private let waitingTasks: Gauge
    private let fitSeconds: Recorder
    private let failedFits: Counter
    private let samples: Counter
    private let epochs: Counter
    private let checkpoints: Counter

    /// - Parameter factory: nil for the program's own.
    package init(factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        self.factory = factory
        func counter(_ name: String) -> Counter { Counter(label: "millrace_training_\(name)", factory: factory) }
        func gauge(_ name: String) -> Gauge { Gauge(label: "millrace_training_\(name)", factory: factory) }
        runningJobs = gauge("running_jobs")
        runningFits = gauge("running_fits")
        waitingRequests = gauge("waiting_requests")
        waitingTasks = gauge("waiting_tasks")
        fitSeconds = Recorder(label: "millrace_training_fit_seconds", factory: factory)
        failedFits = counter("failed_fits_total")
        samples = counter("samples_total")
        epochs = counter("epochs_total")
        checkpoints = counter("checkpoint_writes_total")
        for gauge in [runningJobs, runningFits, waitingRequests, waitingTasks] { gauge.record(0) }
    }

    /// Jobs that this instance coordinates, and fits that it makes, at the moment.
    package var running: (jobs: Int, fits: Int) { state.withLock { ($0.jobs, $0.fits) } }

    // MARK: Jobs

    package func jobs(running count: Int) {
        state.withLock { state in
            state.jobs = count
            runningJobs.record(count)
        }
    }

    /// Read and not begun; what lies further behind in the log is not known here.
    package func waiting(requests count: Int) { waitingRequests.record(count) }
    package func waiting(tasks count: Int) { waitingTasks.record(count) }

    package func jobEnded(_ end: End) {
        let dimensions: [(String, String)] =
            switch end {
            case .completed: [("end", "completed")]
            case .failed(let code): [("end", "failed"), ("code", code.rawValue)]
            case .cancelled: [("end", "cancelled")]
            }
        Counter(label: "millrace_training_jobs_total", dimensions: dimensions, factory: factory).increment()
    }

    package func published(_ version: ModelVersion.Identity) {
        Gauge(
            label: "millrace_training_last_version", dimensions: [("model", version.name)], factory: factory
        ).record(version.number)
    }

    // MARK: Fits

    /// Counts a fit as long as `body` runs, and how long that was.
    package func fit<Result>(_ body: () throws -> Result) rethrows -> Result {
        count(1)
        let start = ContinuousClock.now
        defer {
            fitSeconds.record((ContinuousClock.now - start) / .seconds(1))
            count(-1)
        }
        do {
            return try body()
        } catch {
            // One that was told to stop has not failed.
            if !(error is JobStop) { failedFits.increment() }
            throw error
        }
    }

    private func count(_ change: Int) {
        state.withLock { state in
            state.fits += change
            runningFits.record(state.fits)
        }
    }

    package func trained(rows: Int, endsEpoch: Bool) {
        samples.increment(by: rows)
        if endsEpoch { epochs.increment() }
    }

    package func wroteCheckpoint() { checkpoints.increment() }
}
