import Foundation
import KafkaClient
import Serving
import Synchronization
import Testing

/// Transactions through the whole pipeline. The in-process cluster shows that every call is made and answered; that
/// offsets and results are one is asserted on a real broker only.
@Suite(.serialized) struct ExactlyOnceTests {
    static let hasRealBroker = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"]?.isEmpty == false

    func options() -> PipelineHarness.Options {
        var options = PipelineHarness.Options()
        options.isExactlyOnce = true
        return options
    }

    func requests(_ range: Range<Int>, _ harness: PipelineHarness, _ digits: DigitsRequests) throws -> [ProducerRecord]
    {
        try range.map {
            harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
        }
    }

    @Test func everyRequestIsAnsweredOnceInOrder() async throws {
        let harness = try await PipelineHarness(try TestBroker.start(), options())
        let digits = try DigitsRequests()
        let records = try requests(0..<600, harness, digits)
        let positions = try await harness.send(records)
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 600) }
        await harness.close()
        #expect(found.count == 600)
        #expect(Set(found.compactMap { $0.header("ce_id") }) == Set(positions))
        for record in found {
            try digits.expectMLPAnswer(record, image: try #require(record.keyText.flatMap { Int($0) }))
        }
        for partition in 0..<3 {
            let images = found.filter { $0.topicPartition.partition == Int32(partition) }
                .compactMap { $0.keyText.flatMap { Int($0) } }
            #expect(images == Array(stride(from: partition, to: 600, by: 3)))
        }
    }

    @Test func abortedTransactionIsRedone() async throws {
        let broker = try TestBroker.start()
        guard let embedded = broker.embedded else { return }
        let harness = try await PipelineHarness(broker, options())
        let digits = try DigitsRequests()
        let records = try requests(0..<90, harness, digits)
        let (found, redone) = try await harness.running { pipeline in
            try embedded.pushRequestErrors(.transactionOffsetCommit, [.illegalGeneration])
            try await harness.send(records)
            // The cluster does not hide the aborted records; every request has its answer all the same.
            let deadline = ContinuousClock.now + .seconds(90)
            while pipeline.statistics.snapshot.published < 90, .now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            return (try await harness.read(harness.results, atLeast: 90), pipeline.statistics.snapshot.redone)
        }
        await harness.close()
        #expect(redone >= 1)
        #expect(Set(found.compactMap(\.keyText)) == Set((0..<90).map { "\($0)" }))
    }

    @Test func fencedProducerStopsThePipeline() async throws {
        let broker = try TestBroker.start()
        guard let embedded = broker.embedded else { return }
        let harness = try await PipelineHarness(broker, options())
        let digits = try DigitsRequests()
        let records = try requests(0..<3, harness, digits)
        await #expect(throws: PipelineError.self) {
            try await harness.running { _ in
                try embedded.pushRequestErrors(.endTransaction, [.producerFenced])
                try await harness.send(records)
                // Cancelled when the pipeline ends.
                try await Task.sleep(for: .seconds(90))
            }
        }
        await harness.close()
    }

    @Test(.enabled(if: hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
    func aRestartContinuesAfterTheLastCommit() async throws {
        let harness = try await PipelineHarness(try TestBroker.start(), options())
        let digits = try DigitsRequests()
        try await harness.send(try requests(0..<120, harness, digits))
        _ = try await harness.running { _ in try await harness.read(harness.results, atLeast: 120) }
        try await harness.send(try requests(120..<200, harness, digits))
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 200) }
        await harness.close()
        #expect(found.count == 200)
        #expect(Set(found.compactMap(\.keyText)).count == 200)
    }

    @Test(.enabled(if: hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
    func deadLettersAreInTheTransaction() async throws {
        let harness = try await PipelineHarness(try TestBroker.start(), options())
        try await harness.send((0..<10).map { harness.request("not json \($0)", key: "\($0)", partition: 0) })
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 10) }
        let letters = try await harness.read(harness.requests + "-dlt", atLeast: 10)
        await harness.close()
        #expect(found.count == 10)
        #expect(letters.map(\.text) == (0..<10).map { "not json \($0)" })
    }

    /// A set that waited while its instance lost the partitions and joined again is not its to publish any more, however
    /// good the new membership is.
    @Test(.enabled(if: hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
    func aSetOfAnEarlierMembershipIsFenced() async throws {
        let gate = HeldSink.Gate()
        var options = options()
        options.wrapSink = { HeldSink(inner: $0, gate: gate) }
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        try await harness.send(
            try (0..<30).map { harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: 0) })
        let found = try await harness.running { pipeline in
            try await eventually { gate.isHolding }
            let other = try KafkaConsumer(
                ConsumerConfiguration(
                    kafka: try KafkaConfiguration(bootstrapServers: harness.broker.bootstrapServers),
                    groupID: harness.group), logger: .quiet)
            try other.subscribe(to: [harness.requests])
            try await eventually {
                for case .assigned(let partitions) in other.drain(maximumRecords: 1, maximumBytes: 1) {
                    try other.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, nil) }))
                    return pipeline.status.isAssigned || !partitions.isEmpty
                }
                return false
            }
            try await eventually { pipeline.status.isAssigned }
            gate.open()
            try await eventually { gate.outcome != nil }
            await other.close(deadline: .seconds(5))
            return try await harness.read(harness.results, atLeast: 30)
        }
        await harness.close()
        guard case .aborted(let error)? = gate.outcome else {
            Issue.record("published under a membership that was over: \(String(describing: gate.outcome))")
            return
        }
        #expect(error.isGroupGenerationOver)
        #expect(found.map(\.keyText) == (0..<30).map { "\($0)" })
    }
}

/// Holds its first set back until told to publish it.
private struct HeldSink: AnswerSink {
    final class Gate: Sendable {
        private struct State {
            var isHolding = false
            var isOpen = false
            var outcome: PublishOutcome?
        }

        private let state = Mutex(State())

        var isHolding: Bool { state.withLock { $0.isHolding } }
        var isOpen: Bool { state.withLock { $0.isOpen } }
        /// Of the set that was held.
        var outcome: PublishOutcome? { state.withLock { $0.outcome } }

        func open() { state.withLock { $0.isOpen = true } }
        func hold() -> Bool {
            state.withLock { state in
                defer { state.isHolding = true }
                return !state.isHolding
            }
        }
        func finish(_ outcome: PublishOutcome) { state.withLock { $0.outcome = outcome } }
    }

    let inner: any AnswerSink
    let gate: Gate

    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        guard gate.hold() else { return await inner.publish(set, under: membership) }
        while !gate.isOpen { try? await Task.sleep(for: .milliseconds(20)) }
        let outcome = await inner.publish(set, under: membership)
        gate.finish(outcome)
        return outcome
    }
}
