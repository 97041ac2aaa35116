import Glibc
import Synchronization

/// Threads of their own for compute: the cooperative pool has as many threads as cores, and a long kernel on one of them
/// would starve everything else. Each thread has one ``ExecutionContext`` and a stack of 8 MiB.
public final class ComputePool: Sendable {
    /// The pool was shut down before the work could start.
    public struct ShutDown: Error, Sendable, CustomStringConvertible {
        public var description: String { "the compute pool is shut down" }
    }

    public let threadCount: Int
    private let queue: WorkQueue
    private let threads: Mutex<[pthread_t]>

    /// - Parameters:
    ///   - threadCount: at least 1; smaller is raised to 1.
    ///   - niceness: of the threads, 0 to 19: how far they give way to others.
    public init(threadCount: Int, niceness: Int = 0) {
        let queue = WorkQueue()
        var started: [pthread_t] = []
        for _ in 0..<max(threadCount, 1) {
            if let thread = Self.start(ThreadStart(queue, niceness: Int32(clamping: niceness))) {
                started.append(thread)
            }
        }
        precondition(!started.isEmpty, "the system refused to start any compute thread")
        self.queue = queue
        self.threadCount = started.count
        self.threads = Mutex(started)
    }

    deinit { shutdown() }

    /// Runs `body` on one of the threads, in the order of submission.
    /// - Throws: what `body` throws, or ``ShutDown``.
    public func run<R: Sendable>(
        _ body: @escaping @Sendable (ExecutionContext) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            let accepted = queue.append { context in
                continuation.resume(with: Result { try body(context) })
            }
            if !accepted { continuation.resume(throwing: ShutDown()) }
        }
    }

    /// Finishes the accepted work and joins the threads. Idempotent; not to be called from a pool's own thread.
    public func shutdown() {
        queue.close()
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads {
            if pthread_equal(thread, pthread_self()) != 0 {
                // The last reference went away inside a job: this thread cannot wait for itself.
                pthread_detach(thread)
            } else {
                pthread_join(thread, nil)
            }
        }
    }

    private static func start(_ start: ThreadStart) -> pthread_t? {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return nil }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(start)
        guard pthread_create(&thread, &attributes, computeThread, retained.toOpaque()) == 0 else {
            retained.release()
            return nil
        }
        return thread
    }
}

/// What a thread is started with.
private final class ThreadStart: Sendable {
    let queue: WorkQueue
    let niceness: Int32

    init(_ queue: WorkQueue, niceness: Int32) {
        self.queue = queue
        self.niceness = niceness
    }
}

private func computeThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    let queue = start.queue
    // On Linux the calling thread alone. Unprivileged threads may always be nicer than they were.
    if start.niceness > 0 { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, start.niceness) }
    let context = ExecutionContext()
    while let job = queue.next() { job(context) }
    return nil
}

/// A closable first-in first-out queue; `next` blocks. Its length is bounded by the callers, each of which awaits its own
/// job.
private final class WorkQueue: @unchecked Sendable {
    typealias Job = @Sendable (ExecutionContext) -> Void

    private var jobs: [Job] = []
    private var head = 0
    private var isClosed = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// False once closed.
    func append(_ job: @escaping Job) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !isClosed else { return false }
        jobs.append(job)
        pthread_cond_signal(condition)
        return true
    }

    /// The next job, or nil when the queue is closed and empty.
    func next() -> Job? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while head == jobs.count {
            if isClosed { return nil }
            jobs.removeAll(keepingCapacity: true)
            head = 0
            pthread_cond_wait(condition, mutex)
        }
        let job = jobs[head]
        head += 1
        if head > 1024 {
            jobs.removeFirst(head)
            head = 0
        }
        return job
    }

    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }
}
