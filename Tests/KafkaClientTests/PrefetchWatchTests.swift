@testable import KafkaClient
import Testing

@Suite struct PrefetchWatchTests {
    @Test func wakesOnceWhenAFullQueueRunsLow() {
        var watch = PrefetchWatch(maximumRecords: 100, maximumBytes: 1 << 20)
        expect(&watch, drained: 10, bytes: 10, queued: 90, false)
        expect(&watch, drained: 40, bytes: 40, queued: 50, false)
        expect(&watch, drained: 20, bytes: 20, queued: 30, true)
        expect(&watch, drained: 30, bytes: 30, queued: 0, false)
    }

    @Test func bytesCountAsWellAsRecords() {
        var watch = PrefetchWatch(maximumRecords: 1_000_000, maximumBytes: 1000)
        expect(&watch, drained: 1, bytes: 100, queued: 9, false)
        expect(&watch, drained: 6, bytes: 600, queued: 3, true)
    }

    @Test func aQueueThatWasNeverFullNeedsNobody() {
        var watch = PrefetchWatch(maximumRecords: 100, maximumBytes: 1 << 20)
        for queued in [50, 30, 0, 45, 10] { expect(&watch, drained: 5, bytes: 5, queued: queued, false) }
    }

    func expect(
        _ watch: inout PrefetchWatch, drained: Int, bytes: Int, queued: Int, _ expected: Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = watch.isRunningLow(drained: drained, bytes: bytes, queued: queued)
        #expect(found == expected, sourceLocation: sourceLocation)
    }
}
