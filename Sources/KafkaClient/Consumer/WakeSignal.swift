import Synchronization

/// Passes librdkafka's wake on to the owner's closure and to at most one stream.
final class WakeSignal: Sendable {
    private struct State {
        var continuation: AsyncStream<Void>.Continuation?
        var isFinished = false
    }

    private let wake: @Sendable () -> Void
    private let state = Mutex(State())

    init(_ wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    func fire() {
        wake()
        state.withLock { $0.continuation }?.yield()
    }

    /// A new stream; an earlier one ends.
    func stream() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let previous = state.withLock { state in
            defer { state.continuation = continuation }
            if state.isFinished { continuation.finish() }
            return state.continuation
        }
        previous?.finish()
        // Records may have arrived before the stream was there to be told.
        continuation.yield()
        return stream
    }

    func finish() {
        wake()
        let continuation = state.withLock { state in
            state.isFinished = true
            return state.continuation
        }
        continuation?.finish()
    }
}
