/// Wakes one waiting task; any number of signals before it waits are one.
package final class WakeSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// From any thread, a C library's too.
    package func signal() {
        continuation.yield()
    }

    /// Waits for a signal, or until the deadline. Only one task may wait.
    package func wait(until deadline: ContinuousClock.Instant) async {
        let timer = Task { [continuation] in
            try? await Task.sleep(until: deadline, clock: .continuous)
            continuation.yield()
        }
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
        timer.cancel()
    }
}
