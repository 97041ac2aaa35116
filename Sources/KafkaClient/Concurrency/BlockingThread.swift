import Glibc

/// One thread of its own for calls that block, with a bounded queue of jobs that run in order.
///
/// Swift's cooperative pool has one thread a core: a single blocking C call on a two-core machine halves the service.
/// Calls that wait for a broker therefore run here, and the caller suspends instead of blocking.
package final class BlockingThread: Sendable {
    /// Why a job was not accepted.
    package enum Refusal: Error, Sendable, CustomStringConvertible {
        case stopped(thread: String)
        case queueFull(thread: String, limit: Int)

        package var description: String {
            switch self {
            case .stopped(let thread): "thread \(thread) has been stopped"
            case .queueFull(let thread, let limit): "thread \(thread) already has \(limit) jobs waiting"
            }
        }
    }

    private typealias Job = @Sendable () -> Void

    private struct Jobs {
        var waiting: [Job] = []
        var isStopped = false
    }

    private let jobs: Monitor<Jobs>
    private let name: String
    private let maximumWaitingJobs: Int

    /// - Parameter name: named by refusals.
    package init(name: String, maximumWaitingJobs: Int = 1024) {
        self.name = name
        self.maximumWaitingJobs = maximumWaitingJobs
        let jobs = Monitor(Jobs())
        self.jobs = jobs
        startThread(name: name) {
            while true {
                let batch: [Job]? = jobs.wait(while: { $0.waiting.isEmpty && !$0.isStopped }) { state in
                    guard !state.waiting.isEmpty else { return nil }
                    defer { state.waiting.removeAll() }
                    return state.waiting
                }
                guard let batch else { return }
                for job in batch { job() }
            }
        }
    }

    deinit { stop() }

    /// Runs `body` on the thread, after every job submitted before it. Not cancellable: a C call cannot be.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try submit { continuation.resume(with: Swift.Result(catching: body)) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Queues a job and returns at once.
    package func submit(_ job: @escaping @Sendable () -> Void) throws(Refusal) {
        let refusal: Refusal? = jobs.withLock { state in
            if state.isStopped { return .stopped(thread: name) }
            if state.waiting.count >= maximumWaitingJobs {
                return .queueFull(thread: name, limit: maximumWaitingJobs)
            }
            state.waiting.append(job)
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Ends the thread after the jobs already queued; later ones are refused. Idempotent, does not wait.
    package func stop() {
        jobs.withLock { $0.isStopped = true }
    }
}

/// Starts a detached thread that runs `body` once.
///
/// Traps when the system has no thread left, as every runtime does: nothing of this module works without one.
func startThread(name: String, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(ThreadStart(body))
    var thread: pthread_t = 0
    let status = pthread_create(&thread, nil, threadMain, start.toOpaque())
    precondition(status == 0, "pthread_create for \(name) failed with errno \(status)")
    pthread_detach(thread)
}

private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// A file-level function: a closure written in an isolated context would carry that isolation's check onto this thread.
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    start.body()
    return nil
}
