import Foundation
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import Serving
import Synchronization
import TensorEngine
import TestSupport
import Testing

/// Two whole pipelines in one group, against a broker in memory that deals partitions anew, expels members, aborts
/// publications, delays them and kills producers: every request must be answered once, in order, with the right numbers.
///
/// `make sanitize` runs this with the thread sanitizer, which librdkafka's threads do not permit for a real client.
@Suite(.serialized) struct ConcurrentPipelineTests {
    static let deadline = Duration.seconds(300)

    private final class Run: Sendable {
        let isDone = Atomic(false)
        let restarts = Atomic(0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyRequestIsAnsweredOnceWhateverHappens(seed: UInt64) async throws {
        let load = try LinearLoad()
        let broker = MemoryBroker(topic: "requests", partitionCount: 6, seed: seed)
        let run = Run()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for id in 0..<2 {
                let member = MemoryMember(id, of: broker)
                tasks.addTask {
                    // An error must not leave the others waiting for the deadline.
                    defer { run.isDone.store(true, ordering: .relaxed) }
                    try await runToTheEnd(member, load, run)
                }
            }
            tasks.addTask {
                var random = SplitMix64(state: seed &+ 100)
                // Bounded, so that the end is reached on a slow machine too.
                for _ in 0..<60 where !run.isDone.load(ordering: .relaxed) {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 20...250, using: &random)))
                    // Now and then both at once.
                    let lost = (0..<2).map { _ in Int.random(in: 0..<4, using: &random) == 0 }
                    broker.rebalance { lost[$0] }
                }
            }
            var random = SplitMix64(state: seed &+ 200)
            for number in 0..<LinearLoad.requestCount {
                load.append(number, to: broker, &random)
                if number % 50 == 49 {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...20, using: &random)))
                }
            }
            let end = ContinuousClock.now + Self.deadline
            while !broker.isAnswered, !run.isDone.load(ordering: .relaxed), .now < end {
                try await Task.sleep(for: .milliseconds(5))
            }
            run.isDone.store(true, ordering: .relaxed)
            broker.wakeMembers()
            try await tasks.waitForAll()
        }
        let state = broker.state.withLock { $0 }
        #expect(broker.isAnswered, "committed \(state.committed)")
        #expect(state.violations.isEmpty, "\(state.violations.prefix(5))")
        try load.audit(log: state.log, answers: state.answers)
        // The run was as rough as it was meant to be.
        #expect(state.aborts > 0)
        #expect(state.fencedCommits > 0)
        #expect(state.generation > 3)
        #expect(run.restarts.load(ordering: .relaxed) > 0)
    }

    /// A publication that takes so long that the full pipeline pauses its partitions, and then fails: reading goes on.
    @Test func pausedPartitionsAreReadAgainAfterAnAbort() async throws {
        let load = try LinearLoad()
        let broker = MemoryBroker(topic: "requests", partitionCount: 2, seed: 1)
        let member = MemoryMember(0, of: broker)
        let sink = StallingSink(member)
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let pipeline = InferencePipeline(
            Self.configuration(of: broker), consumer: member, signal: member.signal, sink: sink,
            registry: try await load.makeRegistry(folder, pool), pool: pool, codec: RequestCodec(),
            encoder: LinearLoad.encoder, logger: LinearLoad.logger)
        var random = SplitMix64(state: 1)
        for number in 0..<LinearLoad.requestCount { load.append(number, to: broker, &random) }
        async let end: Void = pipeline.run()
        let deadline = ContinuousClock.now + .seconds(60)
        while !broker.isAnswered, .now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        pipeline.stop()
        try await end
        let hasSeenPause = sink.hasSeenPause.load(ordering: .relaxed)
        #expect(hasSeenPause)
        let state = broker.state.withLock { $0 }
        #expect(state.violations.isEmpty, "\(state.violations.prefix(5))")
        try load.audit(log: state.log, answers: state.answers)
    }

    /// Fails the first publication, once the member's partitions are paused; commits the others.
    private final class StallingSink: AnswerSink {
        let member: MemoryMember
        let hasSeenPause = Atomic(false)

        init(_ member: MemoryMember) { self.member = member }

        func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
            if !hasSeenPause.load(ordering: .relaxed) {
                let deadline = ContinuousClock.now + .seconds(30)
                while .now < deadline, !member.isPaused { try? await Task.sleep(for: .milliseconds(5)) }
                hasSeenPause.store(member.isPaused, ordering: .relaxed)
                return .aborted(member.refusal("commit", "CONCURRENT_TRANSACTIONS", isRetriable: true))
            }
            let isCommitted = member.broker.state.withLock { $0.commit(set, of: member.id, under: membership) }
            return isCommitted ? .committed : .aborted(member.refusal("send offsets", "ILLEGAL_GENERATION"))
        }
    }

    private static func configuration(of broker: MemoryBroker) -> PipelineConfiguration {
        var configuration = PipelineConfiguration(
            requestTopics: [broker.topic], batching: .init(maximumRows: 16, maximumDelay: .milliseconds(1)),
            limits: .init(maximumRows: 600, maximumSetSize: 40), threadCount: 2, shutdownDeadline: .seconds(60))
        configuration.bindings = [broker.topic: ModelReference(name: LinearLoad.model)]
        return configuration
    }

    /// Runs a pipeline until all is answered, and another in its place when it ends before.
    private func runToTheEnd(
        _ member: MemoryMember, _ load: LinearLoad, _ run: Run
    ) async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let registry = try await load.makeRegistry(folder, pool)
        while !run.isDone.load(ordering: .relaxed) {
            let journal = try CrashJournal(
                path: folder.path + "/journal", topics: [member.broker.topic], slotCount: 2, slotCapacity: 128)
            defer { journal.close() }
            let pipeline = InferencePipeline(
                Self.configuration(of: member.broker), consumer: member, signal: member.signal, sink: member,
                registry: registry, pool: pool, codec: RequestCodec(), encoder: LinearLoad.encoder, journal: journal,
                logger: LinearLoad.logger)
            let watcher = Task {
                while !run.isDone.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
                pipeline.stop()
            }
            do {
                try await pipeline.run()
                try await watcher.value
            } catch PipelineError.fatal {
                run.restarts.add(1, ordering: .relaxed)
            }
            watcher.cancel()
        }
    }
}
