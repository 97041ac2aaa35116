import Synchronization

/// Opens once; tasks wait for it, each with its own deadline.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    }

    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters.removeAll() }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: true) }
    }

    /// - Returns: whether the latch opened before the deadline. Cancellation does not shorten the wait: shutdown runs in
    ///   cancelled tasks.
    @discardableResult
    func wait(_ deadline: Duration) async -> Bool {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withCheckedContinuation { continuation in
            let wasOpen = state.withLock { state in
                if !state.isOpen { state.waiters[waiter] = continuation }
                return state.isOpen
            }
            if wasOpen {
                continuation.resume(returning: true)
                return
            }
            Task { [self] in
                try? await Task.sleep(for: max(deadline, .zero))
                state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(returning: false)
            }
        }
    }
}
