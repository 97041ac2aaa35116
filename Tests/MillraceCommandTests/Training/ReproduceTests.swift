import Foundation
import JSONDocuments
import KafkaClient
import ModelFormats
import TensorEngine
import TestSupport
import Testing
import Training

@testable import MillraceCommand

/// `millrace models reproduce`.
@Suite struct ReproduceTests {
    let folder: TemporaryFolder
    var store: [String] { ["--store", folder.path + "/store"] }
    var bundle: String { folder.path + "/bundle" }

    init() throws { folder = try TemporaryFolder() }

    private func trainAndImport(_ request: JSONValue) async throws {
        let file = try folder.write(request, as: "request.json")
        let trained = try await BinaryRunner.run(["train", "run", file, "--bundle", bundle])
        try #require(trained.exitCode == 0, "\(trained.stderr)")
        try await importBundle()
    }

    private func importBundle() async throws {
        let imported = try await BinaryRunner.run(["models", "import", bundle, "--name", "m"] + store)
        try #require(imported.exitCode == 0, "\(imported.stderr)")
    }

    private func reproduce(_ arguments: [String] = []) async throws -> BinaryRunner.Output {
        try await BinaryRunner.run(["models", "reproduce", "m", "1"] + arguments + store)
    }

    @Test(
        arguments: [
            ["method": "hold_out", "fraction": 0.2], ["method": "none"], ["method": "k_fold", "folds": 2],
        ] as [JSONValue])
    func `a network comes out the same, bit for bit`(evaluation: JSONValue) async throws {
        try await trainAndImport(TrainingSamples.digitsRequest(epochs: 1, evaluation: evaluation))
        let output = try await reproduce()
        #expect(output.exitCode == 0, "\(output.stderr)")
        #expect(output.stdout.contains("m@1 is reproduced"), "\(output.stdout)")
        let document = try await reproduce(["--output", "json"]).document()
        #expect(try document.member("equal").bool())
        let recorded = try document.member("weights").member("recorded").string()
        #expect(try document.member("weights").member("made").string() == recorded)
        #expect(try ModelBundle.load(at: bundle).manifest.weightsSHA256 == recorded)
        // The lineage came along with the bundle.
        let shown = try await BinaryRunner.run(["models", "show", "m@1", "--output", "json"] + store).document()
        #expect(try shown.member("training").member("seed").integer() == 7)
    }

    @Test func `other rows are seen before anything is trained`() async throws {
        let csv = try folder.write(TrainingSamples.csv(60), as: "rows.csv")
        try await trainAndImport(TrainingSamples.treeRequest(["csv": .string(csv)]))
        #expect(try await reproduce().exitCode == 0)
        let other = try folder.write(TrainingSamples.csv(61), as: "rows.csv")
        let output = try await reproduce(["--output", "json"])
        #expect(output.exitCode == 1, "\(output.stderr)")
        let document = try output.document()
        #expect(try !document.member("equal").bool())
        #expect(try document.member("weights").member("made").value == .null)
        #expect(
            try document.member("dataset").member("found").string()
                != document.member("dataset").member("recorded").string())
        // The same rows from somewhere else will do.
        let copy = try folder.write(TrainingSamples.csv(60), as: "copy.csv")
        #expect(try await reproduce(["--dataset", copy]).exitCode == 0)
        try FileManager.default.removeItem(atPath: other)
        let absent = try await reproduce()
        #expect(absent.exitCode == 4 && absent.stderr.contains("rows.csv"), "\(absent.stderr)")
    }

    @Test func `weights that are not what the training makes are found`() async throws {
        let file = try folder.write(TrainingSamples.digitsRequest(epochs: 1), as: "request.json")
        let made = folder.path + "/made"
        #expect(try await BinaryRunner.run(["train", "run", file, "--bundle", made]).exitCode == 0)
        let good = try ModelBundle.load(at: made)
        var graph = good.graph
        let name = try #require(graph.initializers.filter { $0.value.elementType == .float32 }.keys.sorted().last)
        var values = try #require(graph.initializers[name]).elements(as: Float.self)
        values[0] = values[0].nextUp
        let shape = try #require(graph.initializers[name]).shape
        graph.initializers[name] = try Tensor(shape: shape, elements: values)
        try ModelBundle(manifest: good.manifest, graph: graph).write(to: bundle)
        try await importBundle()
        let output = try await reproduce(["--output", "json"])
        #expect(output.exitCode == 1, "\(output.stderr)")
        let difference = try output.document().member("difference")
        #expect(try difference.member("tensor").string() == name)
        #expect(try difference.member("differing").integer() == 1)
        #expect(try difference.member("maximum_ulps").integer() == 1)
        #expect(try await reproduce().stdout.contains("first \(name): 1 of "))
    }

    @Test func `a version without lineage is refused`() async throws {
        let imported = try await BinaryRunner.run(["models", "import", DigitArrays.mlp, "--name", "m"] + store)
        try #require(imported.exitCode == 0)
        let output = try await reproduce()
        #expect(output.exitCode == 4 && output.stderr.contains("m@1"), "\(output.stderr)")
        #expect(try await BinaryRunner.run(["models", "reproduce", "other", "1"] + store).exitCode == 4)
    }

    @Test func `rows of a topic are read at their offsets`() async throws {
        let topics = try await TrainingTopics.make()
        let lines = TrainingSamples.jsonLines(60)
        try await topics.produce(Array(lines[..<40]), key: "k", to: topics.rows, partition: 0)
        try await topics.produce(Array(lines[40...]), key: "k", to: topics.rows, partition: 1)
        // Not in the range.
        try await topics.produce([#"{"x": 9, "y": 9, "label": "low"}"#], key: "k", to: topics.rows, partition: 1)
        let request = TrainingSamples.treeRequest(
            ["topic": .string(topics.rows)], evaluation: ["method": "hold_out", "fraction": 0.2, "assignment": "hash"])
        let parsed = try TrainingRequest(request)
        let collector = DatasetCollector(parsed.dataset.schema)
        let decoder = RecordDecoder(parsed.dataset.schema)
        for (row, line) in lines.enumerated() {
            let place = Provenance.record(partition: row < 40 ? 0 : 1, offset: Int64(row < 40 ? row : row - 40))
            try collector.append(try decoder.decode(Array(line.utf8), provenance: place))
        }
        let dataset = try collector.finish()
        let split = try SplitPlan(parsed.evaluation, dataset, seed: parsed.seed).split(0)
        let graph = try Fit(parsed, dataset: dataset, split: split).run().graph
        let lineage = TrainingLineage(
            request: request, digest: dataset.digest, rowCount: 60, ranges: [0: 0..<40, 1: 0..<20], seed: 3, engine: "",
            fit: FitID(trial: 0, fold: 0))
        try ModelBundle(
            manifest: Manifest(
                name: "m", graph: graph, training: lineage.json, createdAt: "2026-03-01T00:00:00Z"), graph: graph
        ).write(to: bundle)
        try await importBundle()
        let output = try await reproduce(["--offline", "--bootstrap-servers", topics.servers])
        #expect(output.exitCode == 0, "\(output.stderr)\(output.stdout)")
    }
}

@Suite struct TrainingLineageTests {
    @Test func `what is written is read`() throws {
        let lineage = TrainingLineage(
            request: ["model": "m"], digest: "ab", rowCount: 11, ranges: [0: 5..<9, 3: 0..<2], seed: 7, engine: "e",
            fit: FitID(trial: 2, fold: nil), fittedRequest: ["model": "n"], baseDigest: "cd")
        #expect(try TrainingLineage(JSONCursor(lineage.json)) == lineage)
    }

    @Test(arguments: [
        (#"{"request": {}, "dataset": {"digest": "a"}, "seed": -1, "fit": "t0"}"#, "seed"),
        (#"{"request": {}, "dataset": {"digest": "a"}, "seed": 1, "fit": "x"}"#, "fit"),
        (#"{"request": {}, "dataset": {}, "seed": 1, "fit": "t0"}"#, "digest"),
        (
            #"{"request": {}, "dataset": {"digest": "a", "ranges": {"0": {"from": 3}}}, "seed": 1, "fit": "t0"}"#,
            "dataset.ranges.0"
        ),
        (
            #"{"request": {}, "dataset": {"digest": "a", "ranges": {"x": {"from": 3, "to": 4}}}, "seed": 1, "fit": "t0"}"#,
            "dataset.ranges.x"
        ),
        (
            #"{"request": {}, "dataset": {"digest": "a", "ranges": {"0": {"from": 4, "to": 3}}}, "seed": 1, "fit": "t0"}"#,
            "dataset.ranges.0"
        ),
        (#"{"dataset": {"digest": "a"}, "seed": 1, "fit": "t0"}"#, "request"),
    ])
    func `what is wrong is named`(text: String, mentions: String) throws {
        let json = JSONCursor(try JSONValue(parsing: text))
        let error = #expect(throws: JSONError.self) { try TrainingLineage(json) }
        #expect(error?.description.contains(mentions) == true, "\(String(describing: error))")
    }
}
