import Synchronization

/// Why a fit or a job is to stop.
package enum JobStop: Error, Sendable, Hashable {
    case cancelled
    case deadline
    /// Another instance goes on with it, or this one later: nothing is said of it.
    case abandoned
}

/// Tells a running job to stop. Asked by the fits between their steps, told by whoever learns the reason.
package final class JobControl: Sendable {
    private struct State {
        var reason: JobStop?
        var deadline: ContinuousClock.Instant?
        var onStop: @Sendable () -> Void = {}
        var isOver = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// What is called once when the job is told to stop.
    package func onStop(_ body: @escaping @Sendable () -> Void) {
        let isStopped = state.withLock { state in
            state.onStop = body
            return state.reason != nil
        }
        if isStopped { body() }
    }

    /// The first reason counts, but that a job is abandoned goes before everything: it is not ours any more.
    package func stop(_ reason: JobStop) {
        let onStop = state.withLock { state in
            if state.reason == nil || reason == .abandoned { state.reason = reason }
            return state.onStop
        }
        onStop()
    }

    package func setDeadline(_ deadline: ContinuousClock.Instant) {
        state.withLock { state in state.deadline = min(state.deadline ?? deadline, deadline) }
    }

    package var deadline: ContinuousClock.Instant? { state.withLock { $0.deadline } }

    package var reason: JobStop? {
        state.withLock { state in
            if state.reason == nil, let deadline = state.deadline, deadline <= .now { state.reason = .deadline }
            return state.reason
        }
    }

    /// - Throws: the reason to stop.
    package func check() throws(JobStop) {
        if let reason { throw reason }
    }

    // MARK: The end

    /// Whoever worked on the job has let go of it.
    func setOver() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    func waitUntilOver() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiting.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }
}
