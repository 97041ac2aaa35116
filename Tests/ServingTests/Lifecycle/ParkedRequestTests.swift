import KafkaClient
import ModelRegistry
import Serving
import Testing

/// Requests for versions that exist and are not in memory.
@Suite struct ParkedRequestTests {
    private func story(_ model: VersionedModel) async throws -> Story {
        var story = Story()
        for number in 1...2 { story.add(.versionCreated(try await model.put(number))) }
        story.promote(1)
        return story
    }

    private static let preload = ServingPlan.Preload.only([ModelReference(name: VersionedModel.name)])

    @Test func theyWaitInTheirLaneWhileOthersAreAnswered() async throws {
        let gate = LoadGate()
        let model = try VersionedModel(gate: gate)
        let harness = LifecycleHarness(model, partitionCount: 2)
        harness.follow(try await story(model), preload: Self.preload)
        let answers = try await harness.running { _ in
            try await harness.until { harness.registry.pending.isEmpty }
            harness.send([[1, 0, 0, 0]], id: "waits", version: "2", to: 0)
            harness.send([[2, 0, 0, 0]], id: "behind", to: 0)
            for number in 0..<10 { harness.send([[number, 0, 0, 0]], to: 1) }
            let others = try await harness.results(10)
            #expect(others.allSatisfy { $0.version == 1 && $0.partition == 1 })
            #expect(harness.results.count == 10)
            gate.open()
            return try await harness.results(12)
        }
        let waited = answers.filter { $0.partition == 0 }
        #expect(waited.map(\.version) == [2, 1])
        #expect(try VersionedModel.numbers(waited[0]) == VersionedModel.expected([[1, 0, 0, 0]], version: 2))
    }

    @Test func theyAreAnsweredWithAnErrorWhenItTakesTooLong() async throws {
        let gate = LoadGate()
        let model = try VersionedModel(gate: gate)
        var harness = LifecycleHarness(model)
        harness.maximumModelWait = .milliseconds(100)
        harness.follow(try await story(model), preload: Self.preload)
        let (test, started) = (harness, ContinuousClock.now)
        let answers = try await test.running { _ in
            test.send([[1, 0, 0, 0]], id: "waits", version: "2")
            test.send([[2, 0, 0, 0]])
            _ = try await test.results(2)
            gate.open()
            try await test.until { test.registry.loaded.count == 2 }
            test.send([[3, 0, 0, 0]], version: "2")
            return try await test.results(3)
        }
        #expect(ContinuousClock.now - started >= .milliseconds(100))
        #expect(answers.map(\.status) == ["OVERLOADED", "ok", "ok"])
        #expect(answers[0].valueText.contains("linear@2 is being loaded"), "\(answers[0].valueText)")
        #expect(answers[2].version == 2)
    }

    @Test func onlySoManyMayWait() async throws {
        let gate = LoadGate()
        let model = try VersionedModel(gate: gate)
        var harness = LifecycleHarness(model, partitionCount: 5)
        harness.maximumWaitingRequests = 2
        harness.follow(try await story(model), preload: Self.preload)
        let test = harness
        let answers = try await test.running { _ in
            for partition in 0..<5 { test.send([[1, 0, 0, 0]], version: "2", to: partition) }
            let refused = try await test.results(3)
            #expect(refused.allSatisfy { $0.status == "OVERLOADED" })
            gate.open()
            return try await test.results(5)
        }
        #expect(answers.count == 5)
        #expect(answers[3...].map(\.version) == [2, 2])
    }

    @Test func stoppingLeavesThemToTheNextProcess() async throws {
        let gate = LoadGate()
        let model = try VersionedModel(gate: gate)
        let harness = LifecycleHarness(model)
        harness.follow(try await story(model), preload: Self.preload)
        let stopping = try await harness.running { _ in
            harness.send([[1, 0, 0, 0]])
            harness.send([[2, 0, 0, 0]], version: "2")
            harness.send([[3, 0, 0, 0]])
            _ = try await harness.results(1)
            gate.open()
            return ContinuousClock.now
        }
        #expect(harness.log.committed[harness.log.partitions[0]] ?? 0 >= 1)
        #expect(ContinuousClock.now - stopping < .seconds(30))
    }
}
