import Synchronization

/// Lets so many tasks in at once; the others wait in order. One that must be alone waits until nobody is in.
final class AsyncGate: Sendable {
    private struct Waiter {
        let places: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var free: Int
        var waiting: [Waiter] = []
    }

    private let count: Int
    private let state: Mutex<State>

    init(_ count: Int) {
        self.count = max(1, count)
        state = Mutex(State(free: self.count))
    }

    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Not cancellable: whoever waits asks afterwards whether it still wants to.
    /// - Parameter isAlone: whether nobody else may be in meanwhile.
    func pass<Result: Sendable>(isAlone: Bool = false, _ body: () async throws -> Result) async rethrows -> Result {
        let places = isAlone ? count : 1
        await enter(places)
        defer { leave(places) }
        return try await body()
    }

    private func enter(_ places: Int) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                // Nobody overtakes: one that must be alone would wait for ever.
                if state.waiting.isEmpty, state.free >= places {
                    state.free -= places
                    return true
                }
                state.waiting.append(Waiter(places: places, continuation: continuation))
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func leave(_ places: Int) {
        let next = state.withLock { state in
            state.free += places
            var next: [Waiter] = []
            while let first = state.waiting.first, first.places <= state.free {
                state.free -= first.places
                next.append(state.waiting.removeFirst())
            }
            return next
        }
        for waiter in next { waiter.continuation.resume() }
    }
}
