import Foundation
import KafkaClient
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import TestSupport
import Testing

/// Answers again what a pipeline has answered, and finds every bit that differs.
@Suite(.serialized) struct ReplayTests {
    static let hasRealBroker = ExactlyOnceTests.hasRealBroker
    /// In the embedded cluster a partition keeps 5 MB.
    static let count = hasRealBroker ? 50_000 : 900

    private func answered(_ count: Int, _ options: PipelineHarness.Options = .init()) async throws -> PipelineHarness {
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        let bodies = try (0..<min(count, digits.count)).map { try digits.mlpBody($0, id: "\($0)") }
        _ = try await harness.running { _ in
            for start in stride(from: 0, to: count, by: 5000) {
                let records = (start..<min(start + 5000, count)).map { index in
                    harness.request(bodies[index % bodies.count], key: "\(index)", partition: Int32(index % 3))
                }
                try await harness.send(records)
            }
            return try await harness.read(harness.results, atLeast: count, within: .seconds(240))
        }
        return harness
    }

    @Test(.timeLimit(.minutes(10))) func recordedResultsComeOutBitForBit() async throws {
        let harness = try await answered(Self.count)
        var replay = ReplayHarness(harness)
        let same = try await replay.verify()
        #expect(same.isComplete)
        #expect(same.findings.differences.isEmpty, "\(same.findings.differences)")
        #expect(same.findings.compared == Self.count && same.findings.identical == Self.count)
        #expect(same.findings.versions == ["digits-mlp@1": Self.count])
        // The same number, one weight one unit in the last place away.
        let folder = try TemporaryFolder()
        try ReplayHarness.storeWithOneUlp(of: "digits-mlp", from: harness.store, in: folder.path)
        replay.store = folder.path
        let weights = try await replay.verify()
        let first = try #require(weights.findings.differences.first)
        #expect(first.source.description == "\(harness.requests)/0/0")
        guard case .content(_, _, let version, let fields) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(version == "digits-mlp@1")
        #expect(fields.contains { $0.name == "header millrace-weights" })
        replay.ignoredHeaders = ["millrace-weights"]
        let bits = try await replay.verify()
        let element = try #require(bits.findings.differences.first)
        guard case .content(let source, _, _, let elements) = element else {
            Issue.record("\(element)")
            return
        }
        #expect(source.topicPartition.partition == 0)
        #expect(elements.first?.name.hasPrefix("outputs[0] \"probabilities\", element ") == true, "\(elements)")
        #expect(elements.first?.recorded.contains("(0x") == true)
        await harness.close()
    }

    @Test func errorsAreAnsweredAgainToo() async throws {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        let records = [
            harness.request(try digits.mlpBody(0, id: "0"), key: "a", partition: 0),
            harness.request("no JSON", key: "b", partition: 0),
            harness.request(try digits.mlpBody(1, id: "1"), model: "nobody", partition: 0),
            harness.request(
                try digits.mlpBody(1, id: "late"), partition: 0,
                headers: [KafkaHeader(name: "ce_expirytime", text: "2020-01-01T00:00:00Z")]),
            harness.request(
                try digits.mlpBody(2, id: "in time"), partition: 0,
                headers: [
                    KafkaHeader(
                        name: "traceparent",
                        text: "00-\(String(repeating: "a", count: 32))-\(String(repeating: "b", count: 16))-01")
                ]),
            harness.request(
                #"{"id":"x","inputs":[{"name":"pixels","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#, partition: 0),
        ]
        _ = try await harness.running { _ in
            try await harness.send(records)
            return try await harness.read(harness.results, atLeast: records.count)
        }
        let outcome = try await ReplayHarness(harness).verify()
        #expect(outcome.findings.differences.isEmpty, "\(outcome.findings.differences)")
        #expect(outcome.findings.identical == records.count)
        // The unknown model and the deadline say something of then.
        #expect(outcome.findings.carried == 2)
        await harness.close()
    }

    @Test func missingAndRepeatedResultsAreNamed() async throws {
        let harness = try await answered(30)
        var replay = ReplayHarness(harness)
        replay.differenceLimit = 10
        let results = try await harness.read(harness.results, atLeast: 30)
        let copy = try #require(results.first { $0.header("ce_id") == "\(harness.requests)/1/4" })
        try await harness.send([
            ProducerRecord(
                topic: harness.results, partition: 1, key: copy.key, value: copy.value, headers: copy.headers),
            // Never answered: no service runs any more.
            harness.request("{}", partition: 2),
        ])
        let outcome = try await replay.verify()
        #expect(outcome.findings.identical == 30)
        #expect(Set(outcome.findings.differences.map(\.kind)) == ["duplicate", "missing"])
        #expect(
            Set(outcome.findings.differences.map(\.source.description)) == [
                "\(harness.requests)/1/4", "\(harness.requests)/2/10",
            ])
        await harness.close()
    }

    @Test func everyRecordIsAnsweredByItsOwnVersion() async throws {
        let harness = try await answered(30)
        // A second version, the champion from now on: the other network under the same name.
        let imported = try ModelFile.open("\(Fixtures.digits)/mlp.h5")
        var graph = imported.graph
        graph.name = "second"
        let artifacts = try DirectoryArtifactStore(root: harness.store)
        let second = graph
        _ = try VersionIndex(root: harness.store).append(name: "digits-mlp") { number in
            try artifacts.put(
                ModelBundle(
                    manifest: Manifest(
                        name: "digits-mlp", version: number, graph: second, source: nil,
                        createdAt: "2026-01-01T00:00:00Z"), graph: second))
        }
        let digits = try DigitsRequests()
        _ = try await harness.running { _ in
            let records = try (0..<30).map { harness.request(try digits.mlpBody($0, id: "\($0)"), partition: 0) }
            try await harness.send(records)
            return try await harness.read(harness.results, atLeast: 60)
        }
        var replay = ReplayHarness(harness)
        let outcome = try await replay.verify()
        #expect(outcome.findings.differences.isEmpty, "\(outcome.findings.differences)")
        #expect(outcome.findings.versions == ["digits-mlp@1": 30, "digits-mlp@2": 30])
        replay.model = ModelReference(parsing: "digits-mlp@2")
        let other = try await replay.verify()
        // Of either partition: which is read first is not said.
        #expect(other.findings.differences.first?.source.description.hasSuffix("/0") == true)
        await harness.close()
    }

    @Test func aVersionThatIsGoneEndsTheReplay() async throws {
        let harness = try await answered(3)
        let folder = try TemporaryFolder()
        var replay = ReplayHarness(harness)
        replay.store = folder.path
        await #expect { try await replay.verify() } throws: { error in
            guard case ReplayError.versionUnavailable(let version, let answered, _) = error else { return false }
            return version == "digits-mlp@1" && answered.offset == 0
        }
        await harness.close()
    }

    @Test(.timeLimit(.minutes(5))) func answersGoToATopicOnceHoweverOftenItIsInterrupted() async throws {
        let harness = try await answered(Self.hasRealBroker ? 6000 : 300)
        let count = Self.hasRealBroker ? 6000 : 300
        let replay = ReplayHarness(harness)
        let output = "\(harness.results)-again"
        try await harness.broker.createTopic(output, partitions: 3)
        let group = "\(harness.group)-replay-test"
        if Self.hasRealBroker {
            for _ in 0..<3 { _ = try await replay.publish(to: output, partitions: 3, group: group, stoppingAfter: 500) }
        }
        let last = try await replay.publish(to: output, partitions: 3, group: group)
        #expect(last.isComplete)
        let again = try await harness.read(output, partitions: 3, atLeast: count)
        #expect(again.count == count)
        let original = try await harness.read(harness.results, atLeast: count)
        func byID(_ records: [KafkaRecord]) -> [String: [UInt8]] {
            Dictionary(records.map { ($0.header("ce_id") ?? "", Array($0.value ?? [])) }) { first, _ in first }
        }
        #expect(byID(again) == byID(original))
        if Self.hasRealBroker {
            let nothing = try await replay.publish(to: output, partitions: 3, group: group)
            #expect(nothing.isComplete && nothing.done == 0)
        }
        await harness.close()
    }
}
