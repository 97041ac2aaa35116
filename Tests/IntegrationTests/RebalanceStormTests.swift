import KafkaClient
import Serving
import Synchronization
import Testing

/// Instances come and go under load. What a `read_committed` reader sees afterwards is one answer a request, in order;
/// the in-process cluster hides no aborted records and keeps no transactional offsets, so only a real broker can show it.
@Suite(.enabled(if: ExactlyOnceTests.hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
struct RebalanceStormTests {
    private final class Storm: Sendable {
        let isOver = Mutex(false)
        let joins = Mutex(0)
    }

    static let count = 2400
    static let keys = 12

    func options(_ instance: String) -> PipelineHarness.Options {
        var options = PipelineHarness.Options()
        options.isExactlyOnce = true
        options.instance = instance
        options.threads = 1
        options.sessionTimeout = .seconds(10)
        return options
    }

    @Test(.timeLimit(.minutes(3))) func everyRequestIsAnsweredOnceAndInOrder() async throws {
        let harness = try await PipelineHarness(try TestBroker.start(), options("resident"))
        let digits = try DigitsRequests()
        let storm = Storm()
        let found = try await harness.running { _ in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for guest in ["guest-1", "guest-2"] {
                    let visitor = try PipelineHarness(attachedTo: harness.identity, options(guest))
                    tasks.addTask {
                        while !storm.isOver.withLock({ $0 }) {
                            try await visitor.running { pipeline in
                                try await eventually { pipeline.status.isAssigned }
                                storm.joins.withLock { $0 += 1 }
                                try await Task.sleep(for: .milliseconds(500))
                            }
                        }
                        await visitor.close()
                    }
                }
                for start in stride(from: 0, to: Self.count, by: 40) {
                    try await harness.send(
                        (start..<(start + 40)).map { number in
                            harness.request(
                                try digits.mlpBody(number % 1797, id: "\(number)"), key: "\(number % Self.keys)",
                                partition: Int32(number % Self.keys % 3))
                        })
                    try await Task.sleep(for: .milliseconds(200))
                }
                storm.isOver.withLock { $0 = true }
                try await tasks.waitForAll()
            }
            return try await harness.read(harness.results, atLeast: Self.count, within: .seconds(120))
        }
        await harness.close()
        let joins = storm.joins.withLock { $0 }
        #expect(joins >= 4)
        #expect(found.count == Self.count)
        let sources = Set(found.compactMap { $0.header("ce_id") })
        #expect(sources.count == Self.count)
        for key in 0..<Self.keys {
            let answers = found.filter { $0.keyText == String(key) }
            let offsets = answers.compactMap(Self.requestOffset)
            #expect(offsets.count == Self.count / Self.keys)
            #expect(offsets == offsets.sorted(), "answers of key \(key) are out of order")
        }
    }

    /// Of the request that an answer names: `topic/partition/offset`.
    static func requestOffset(_ answer: KafkaRecord) -> Int? {
        guard let position = answer.header("ce_id") else { return nil }
        return position.split(separator: "/").last.flatMap { Int($0) }
    }
}
