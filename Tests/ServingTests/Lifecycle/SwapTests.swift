import KafkaClient
import ModelRegistry
import Serving
import TensorEngine
import TestSupport
import Testing

/// Versions that come and go under a pipeline.
@Suite struct SwapTests {
    @Test func everyAnswerIsOfOneVersionThroughManySwaps() async throws {
        let model = try VersionedModel()
        let harness = LifecycleHarness(model, partitionCount: 3)
        var story = Story()
        for number in 1...4 { story.add(.versionCreated(try await model.put(number))) }
        var activations: [Int64: Int] = [story.promote(1): 1]
        harness.follow(story)
        let rows: @Sendable (Int) -> [[Int]] = { number in
            (0..<(1 + number % 40)).map { [number % 50, $0, number / 50, 1] }
        }
        let requestCount = 2000
        let (start, swaps) = (story, 60)
        // The offsets are known beforehand: one event after the other.
        for swap in 0..<swaps { activations[start.nextOffset + Int64(swap)] = 1 + (swap + 1) % 4 }
        let answers = try await harness.running { _ in
            async let swapping: Void = {
                var story = start
                for swap in 0..<swaps {
                    story.promote(1 + (swap + 1) % 4)
                    harness.follow(story)
                    try await Task.sleep(for: .milliseconds(5))
                }
            }()
            for number in 0..<requestCount {
                harness.send(rows(number), id: "\(number)", key: "\(number)", to: number % 3)
                if number % 20 == 19 { try await Task.sleep(for: .milliseconds(2)) }
            }
            try await swapping
            return try await harness.results(requestCount)
        }
        #expect(answers.count == requestCount)
        var versions: Set<Int> = []
        var wrong: [String] = []
        var seen: [Int32: Int64] = [:]
        for answer in answers {
            let number = try #require(answer.key.flatMap { Int(String(decoding: $0, as: UTF8.self)) })
            let version = try #require(answer.version, "\(answer.valueText)")
            versions.insert(version)
            // Some with more rows than a batch: their parts met no other version either.
            if try VersionedModel.numbers(answer) != VersionedModel.expected(rows(number), version: version) {
                wrong.append("request \(number), version \(version)")
            }
            if activations[try #require(answer.activation)] != version { wrong.append("activation of \(number)") }
            let source = try #require(answer.text(RecordHeaderName.source)).split(separator: "/")
            let (partition, offset) = (try #require(Int32(source[1])), try #require(Int64(source[2])))
            if offset != seen[partition, default: -1] + 1 { wrong.append("order of \(number)") }
            seen[partition] = offset
        }
        #expect(wrong.isEmpty, "\(wrong.count) wrong: \(wrong.prefix(5))")
        #expect(versions.count > 1)
        #expect(harness.registry.failures.isEmpty)
    }

    @Test func versionThatCannotBeLoadedLeavesTheOldOneServing() async throws {
        let model = try VersionedModel()
        let harness = LifecycleHarness(model)
        var story = Story()
        story.add(.versionCreated(try await model.put(1)))
        let first = story.promote(1)
        harness.follow(story)
        let lost = VersionRecord(
            identity: .init(name: VersionedModel.name, number: 2), digest: String(repeating: "a", count: 64),
            weightsSHA256: "", graphSHA256: "")
        story.add(.versionCreated(lost))
        story.promote(2)
        let broken = story
        try await harness.running { _ in
            harness.send([[1, 2, 3, 4]])
            _ = try await harness.results(1)
            harness.follow(broken)
            try await harness.until { !harness.registry.failures.isEmpty }
            harness.send([[1, 2, 3, 4]])
            let answers = try await harness.results(2)
            #expect(answers.map(\.version) == [1, 1])
            #expect(answers.map(\.activation) == [first, first])
            // Who names it gets to know why.
            harness.send([[1, 2, 3, 4]], version: "2")
            let refused = try await harness.results(3)[2]
            #expect(refused.status == "INTERNAL")
            #expect(refused.valueText.contains("linear@2"), "\(refused.valueText)")
        }
        #expect(harness.registry.failures.keys.map(\.number) == [2])
    }

    @Test func memoryBudgetUnloadsTheLeastRecentlyUsedAndBringsThemBack() async throws {
        let model = try VersionedModel()
        let names = ["a", "b", "c"]
        var story = Story()
        for name in names { story.add(.versionCreated(try await model.put(1, of: name))) }
        let pool = ComputePool(threadCount: 1)
        let probe = Registry(store: model.store, logger: VersionedModel.quiet)
        for version in VersionCatalog(story.state).all { try await probe.load(version, warmUpRows: 16, on: pool) }
        pool.shutdown()
        let each = probe.memoryByteCount / 3
        // Two of three; making room asks for twice the constants, which here is less than a warm model takes.
        let harness = LifecycleHarness(model, memoryBudget: 2 * each + each / 2)
        harness.follow(story)
        try await harness.running { _ in
            try await harness.until { harness.registry.pending.isEmpty }
            for round in 0..<30 {
                harness.send([[round, 1, 2, 3]], model: names[round % 3])
                let answer = try await harness.results(round + 1)[round]
                #expect(answer.text(RecordHeaderName.model) == names[round % 3], "\(answer.valueText)")
                #expect(harness.registry.memoryByteCount <= 2 * each + each / 2)
            }
            #expect(harness.registry.loaded.count == 2)
        }
    }

    @Test func swapsLeaveNothingBehind() async throws {
        let model = try VersionedModel()
        var story = Story()
        // The third is `latest`, which would keep the second in memory if that were it.
        for number in 1...3 { story.add(.versionCreated(try await model.put(number))) }
        let harness = LifecycleHarness(model)
        story.promote(1)
        harness.follow(story, preload: .only([ModelReference(name: VersionedModel.name)]))
        let start = story
        let bytes = try await harness.running { _ in
            try await harness.until { harness.registry.pending.isEmpty }
            let before = harness.registry.memoryByteCount
            var story = start
            for swap in 0..<200 {
                let number = 1 + (swap + 1) % 2
                story.promote(number)
                harness.follow(story, preload: .only([ModelReference(name: VersionedModel.name)]))
                try await harness.until {
                    harness.registry.loaded == [.init(name: VersionedModel.name, number: number)]
                }
                harness.send([[swap, 0, 0, 1]])
                #expect(try await harness.results(swap + 1)[swap].version == number)
            }
            return (before, harness.registry.memoryByteCount)
        }
        #expect(bytes.0 == bytes.1)
        // What was loaded was let go of: nobody holds it any more.
        var alive: [ModelVersion.Identity: Int] = [:]
        var loads = 0
        for await event in harness.registry.events {
            switch event {
            case .loaded(let identity):
                alive[identity, default: 0] += 1
                loads += 1
            case .unloaded(let identity): alive[identity, default: 0] -= 1
            case .failed(let identity, let reason): Issue.record("\(identity): \(reason)")
            }
            if loads == 201, alive.values.reduce(0, +) == 1 { break }
        }
        #expect(loads == 201)
    }
}
