import KafkaClient
import ModelRegistry
import Serving
import Testing

/// Canaries and shadows.
@Suite struct TrafficTests {
    private func story(_ model: VersionedModel, _ rule: TrafficRule) async throws -> (
        Story, rule: Int64, champion: Int64
    ) {
        var story = Story()
        for number in 1...2 { story.add(.versionCreated(try await model.put(number))) }
        let champion = story.promote(1)
        let offset = story.add(.trafficChanged(model: VersionedModel.name, rule))
        return (story, offset, champion)
    }

    @Test func theSameKeyAlwaysMeetsTheSameVersion() async throws {
        let model = try VersionedModel()
        let harness = LifecycleHarness(model, partitionCount: 3)
        let (story, rule, champion) = try await story(model, TrafficRule(canary: .init(number: 2, share: 2500)))
        harness.follow(story)
        let answers = try await harness.running { _ in
            try await harness.until { harness.registry.pending.isEmpty }
            // Every key thrice, on different partitions.
            for number in 0..<1500 {
                harness.send([[number, 0, 0, 0]], key: "customer-\(number % 500)", to: number / 500)
            }
            // Who names a version gets it.
            harness.send([[1, 0, 0, 0]], key: "customer-1", version: "1")
            return try await harness.results(1501)
        }
        var versions: [String: Set<Int>] = [:]
        for answer in answers where answer.text(RecordHeaderName.source)?.hasSuffix("/500") != true {
            let key = String(decoding: try #require(answer.key), as: UTF8.self)
            let version = try #require(answer.version)
            versions[key, default: []].insert(version)
            #expect((TrafficRule.bucket(of: key.utf8) < 2500) == (version == 2), "\(key)")
            #expect(answer.activation == (version == 2 ? rule : champion))
        }
        #expect(versions.count == 500)
        #expect(versions.values.allSatisfy { $0.count == 1 })
        let share = Double(versions.values.count { $0 == [2] }) / 500
        #expect(abs(share - 0.25) < 0.06)
    }

    @Test func shadowAnswersToItsOwnTopicAfterTheMainAnswer() async throws {
        let model = try VersionedModel()
        let harness = LifecycleHarness(model)
        let (story, rule, _) = try await story(model, TrafficRule(shadow: .init(number: 2, topic: "beside")))
        harness.registry.permitShadows(to: ["beside"])
        harness.follow(story)
        let count = 300
        let snapshot = try await harness.running { pipeline in
            try await harness.until { harness.registry.pending.isEmpty }
            for number in 0..<count { harness.send([[1, number, 2, 3]], key: "\(number)") }
            // One of more rows than a batch.
            harness.send((0..<40).map { [$0, 1, 1, 1] }, key: "long")
            _ = try await harness.results(count + 1)
            try await harness.until { harness.log.answers(on: "beside").count == count + 1 }
            try await harness.until { pipeline.shadowStatistics.published == count + 1 }
            return pipeline.shadowStatistics
        }
        #expect(harness.results.allSatisfy { $0.version == 1 })
        var published: Set<String> = []
        for answer in harness.log.answers {
            let id = try #require(answer.text(RecordHeaderName.eventID))
            guard answer.topic == "beside" else {
                published.insert(id)
                continue
            }
            #expect(published.contains(id), "the shadow's answer to \(id) came first")
            #expect(answer.version == 2)
            #expect(answer.activation == rule)
        }
        #expect(snapshot.rows == count + 40)
        // Both count upwards in every row, so that the last output is the largest for both.
        #expect(snapshot.sameArgmax == count + 40)
        #expect(snapshot.largestDifference >= 100 * 305)
        #expect(snapshot.dropped == 0 && snapshot.failed == 0)
    }

    @Test func shadowToATopicThatIsNotPermittedDoesNotAnswer() async throws {
        let model = try VersionedModel()
        let harness = LifecycleHarness(model)
        let (story, _, _) = try await story(model, TrafficRule(shadow: .init(number: 2, topic: "results")))
        harness.follow(story)
        try await harness.running { _ in
            try await harness.until { harness.registry.pending.isEmpty }
            for number in 0..<20 { harness.send([[1, number, 2, 3]]) }
            _ = try await harness.results(20)
        }
        #expect(harness.log.answers.count == 20)
    }
}
