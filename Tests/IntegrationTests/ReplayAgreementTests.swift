import ModelFormats
import ModelRegistry
import Serving
import TestSupport
import Testing

/// Measures how far a version agrees with what was answered.
@Suite(.serialized) struct ReplayAgreementTests {
    private static let count = 60

    private func answered() async throws -> PipelineHarness {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        _ = try await harness.running { _ in
            var records = try (0..<Self.count).map {
                harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
            }
            records.append(harness.request("no JSON", partition: 0))
            try await harness.send(records)
            return try await harness.read(harness.results, atLeast: records.count)
        }
        return harness
    }

    @Test func `one unit in the last place changes no class`() async throws {
        let harness = try await answered()
        var replay = ReplayHarness(harness)
        let folder = try TemporaryFolder()
        try ReplayHarness.storeWithOneUlp(of: "digits-mlp", from: harness.store, in: folder.path)
        replay.store = folder.path
        let outcome = try await replay.agreement(of: "digits-mlp@1")
        let found = outcome.findings.agreement
        #expect(outcome.isComplete && outcome.done == Self.count + 1)
        #expect(found.rows == Self.count && found.agreeing == Self.count && found.failed == 0 && found.skipped == 1)
        #expect(found.largestDifference > 0 && found.largestDifference < 1e-5)
        await harness.close()
    }

    @Test func `a model that cannot answer agrees on nothing`() async throws {
        let harness = try await answered()
        // Images in place of vectors: every request is an error for it.
        let graph = try ModelFile.open("\(Fixtures.digits)/cnn.h5").graph
        let artifacts = try DirectoryArtifactStore(root: harness.store)
        _ = try VersionIndex(root: harness.store).append(name: "digits-mlp") { number in
            let manifest = Manifest(
                name: "digits-mlp", version: number, graph: graph, source: nil, createdAt: "2026-01-01T00:00:00Z")
            return try artifacts.put(ModelBundle(manifest: manifest, graph: graph))
        }
        let outcome = try await ReplayHarness(harness).agreement(of: "digits-mlp@2")
        let found = outcome.findings.agreement
        #expect(found.rows == Self.count && found.agreeing == 0 && found.failed == Self.count && found.share == 0)
        let others = try await ReplayHarness(harness).agreement(of: "digits-mlp@1", answeredBy: "another")
        #expect(others.findings.agreement.rows == 0 && others.findings.agreement.skipped == Self.count + 1)
        await harness.close()
    }
}
