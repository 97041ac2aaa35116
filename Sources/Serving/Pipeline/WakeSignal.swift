import Synchronization

/// Wakes one waiting task; any number of signals before it waits are one.
package final class WakeSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    /// When the running timers fire. A timer costs a task and its place among the system's timers, even after it was
    /// cancelled, so none is started or cancelled for a wait that an earlier one ends anyway.
    private let timers = Mutex<[ContinuousClock.Instant]>([])

    package init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// From any thread, a C library's too.
    package func signal() {
        continuation.yield()
    }

    /// Waits for a signal, at most until the deadline; may return without either. Only one task may wait.
    package func wait(until deadline: ContinuousClock.Instant) async {
        startTimer(deadline)
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
    }

    private func startTimer(_ deadline: ContinuousClock.Instant) {
        let isNeeded = timers.withLock { timers in
            if timers.contains(where: { $0 <= deadline }) { return false }
            timers.append(deadline)
            return true
        }
        guard isNeeded else { return }
        Task {
            try? await Task.sleep(until: deadline, clock: .continuous)
            timers.withLock { timers in
                if let index = timers.firstIndex(of: deadline) { timers.remove(at: index) }
            }
            signal()
        }
    }
}
