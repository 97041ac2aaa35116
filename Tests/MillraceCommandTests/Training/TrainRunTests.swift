import Foundation
import JSONDocuments
import ModelFormats
import TestSupport
import Testing

/// `millrace train run`.
@Suite struct TrainRunTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ request: JSONValue, _ arguments: [String] = []) async throws -> BinaryRunner.Output {
        let file = try folder.write(request, as: "request.json")
        return try await BinaryRunner.run(["train", "run", file] + arguments)
    }

    @Test func `a network from an archive, with its bundle, its chart and the metrics`() async throws {
        let (bundle, plot) = (folder.path + "/digits", folder.path + "/digits.svg")
        let output = try await run(
            TrainingSamples.digitsRequest(epochs: 3), ["--bundle", bundle, "--plot", plot, "--output", "json"])
        try #require(output.exitCode == 0, "\(output.stderr)")
        // Where nobody looks at a terminal an epoch is a line.
        #expect(output.stderr.contains("t0-f0 epoch 1: loss "), "\(output.stderr)")
        #expect(output.stderr.contains("t0-f0 epoch 3: loss "), "\(output.stderr)")
        #expect(!output.stderr.contains("\u{1B}"))
        let report = try output.document()
        #expect(try report.member("metrics").member("accuracy").number() > 0.6)
        let history = try report.member("history").elements()
        #expect(history.count == 3)
        #expect(try history[2].member("loss").number() < history[0].member("loss").number())
        #expect(try report.member("dataset").member("rows").integer() == 1797)
        #expect(try report.member("report").member("rows").integer() == 359)

        let manifest = try ModelBundle.load(at: bundle).manifest
        #expect(manifest.weightsSHA256 == (try report.member("weights").string()))
        #expect(manifest.metrics["accuracy"] == (try report.member("metrics").member("accuracy").number()))
        let lineage = JSONCursor(try #require(manifest.training))
        #expect(try lineage.member("seed").integer() == 7)
        #expect(try lineage.member("fit").string() == "t0-f0")
        #expect(
            try lineage.member("dataset").member("digest").string()
                == report.member("dataset").member("digest").string())

        let chart = try folder.read("digits.svg")
        for text in ["digits: loss", "training", "validation", "digits: score", "accuracy", "confusion matrix"] {
            #expect(chart.contains(text), "\(text) is missing")
        }
        #expect(chart.components(separatedBy: "<svg ").count == chart.components(separatedBy: "</svg>").count)

        // What was written serves.
        let rows = folder.path + "/rows.npz"
        try NumPyArchive.write([("input", try DigitArrays(5).pixels)], to: rows)
        let predicted = try await BinaryRunner.run(["predict", bundle, "--inputs", rows])
        try #require(predicted.exitCode == 0, "\(predicted.stderr)")
        let shape = try predicted.document().member("outputs").elements()[0].member("shape").elements()
        #expect(try shape.map { try $0.integer() } == [5, 10])
    }

    @Test func `the same request gives the same weights, another seed others`() async throws {
        func weights(_ seed: Int64) async throws -> String {
            let output = try await run(TrainingSamples.digitsRequest(epochs: 1, seed: seed), ["--output", "json"])
            try #require(output.exitCode == 0, "\(output.stderr)")
            return try output.document().member("weights").string()
        }
        let first = try await weights(1)
        #expect(try await weights(1) == first)
        #expect(try await weights(2) != first)
    }

    @Test func `folds of an early model, with their mean and deviation`() async throws {
        let csv = try folder.write(TrainingSamples.csv(120), as: "rows.csv")
        let request = TrainingSamples.treeRequest(["csv": .string(csv)])
        let text = try await run(request)
        try #require(text.exitCode == 0, "\(text.stderr)")
        let lines = text.stdout.split(separator: "\n").map(String.init)
        let heading = try #require(lines.first { $0.hasPrefix("METRIC") })
        for column in ["FOLD 0", "FOLD 1", "FOLD 2", "MEAN", "DEVIATION"] { #expect(heading.contains(column)) }
        #expect(lines.contains { $0.hasPrefix("accuracy") && $0.contains("±") })
        #expect(lines.contains { $0.hasPrefix("fit ") && $0.contains("t0 of 4") })
        let report = try await run(request, ["--output", "json"]).document()
        let accuracy = try report.member("folds").member("accuracy")
        #expect(try accuracy.member("values").elements().count == 3)
        #expect(try accuracy.member("mean").number() > 0.9)
        #expect(
            try report.member("fits").elements().map { try $0.member("fit").string() } == ["t0-f0", "t0-f1", "t0-f2"])
    }

    @Test func `a search shows its trials and trains the best`() async throws {
        let csv = try folder.write(TrainingSamples.csv(120), as: "rows.csv")
        guard
            case .object(var request) = TrainingSamples.treeRequest(
                ["csv": .string(csv)], evaluation: ["method": "hold_out", "fraction": 0.3])
        else { return }
        request["early_model"] = ["family": "decision_tree", "hyperparameters": ["max_depth": 1]]
        request["search"] = [
            "strategy": "grid", "metric": "accuracy",
            "parameters": ["early_model.hyperparameters.max_depth": ["choices": [1, 6]]],
        ]
        let output = try await run(.object(request), ["--output", "json"])
        try #require(output.exitCode == 0, "\(output.stderr)")
        let report = try output.document()
        #expect(try report.member("fit").string() == "t1-f0")
        let fits = try report.member("fits").elements()
        #expect(
            try fits.map { try $0.member("values").member("early_model.hyperparameters.max_depth").integer() } == [
                1, 6,
            ])
        let text = try await run(.object(request))
        #expect(text.stdout.contains("EARLY_MODEL.HYPERPARAMETERS.MAX_DEPTH"), "\(text.stdout)")
        #expect(text.stdout.contains("best"))
    }

    @Test func `rows from another file`() async throws {
        let lines = TrainingSamples.jsonLines(90).joined(separator: "\n")
        let rows = try folder.write(lines, as: "rows.jsonl")
        // A topic's rows are in the same schema.
        let output = try await run(
            TrainingSamples.treeRequest(["topic": "thirds"]), ["--dataset", rows, "--output", "json"])
        try #require(output.exitCode == 0, "\(output.stderr)")
        #expect(try output.document().member("dataset").member("rows").integer() == 90)
    }

    @Test func `what is wrong is said with its place`() async throws {
        func fails(
            _ request: JSONValue, _ code: Int32, _ mentions: String, arguments: [String] = [],
            _ location: SourceLocation = #_sourceLocation
        ) async throws {
            let output = try await run(request, arguments)
            #expect(output.exitCode == code, "\(output.stderr)", sourceLocation: location)
            #expect(output.stdout.isEmpty, sourceLocation: location)
            #expect(output.stderr.contains(mentions), "\(output.stderr)", sourceLocation: location)
        }
        guard case .object(let good) = TrainingSamples.digitsRequest() else { return }
        var bad = good
        bad["epoch"] = 3
        try await fails(.object(bad), 2, "epoch")
        bad = good
        bad["optimizer"] = ["type": "adma"]
        try await fails(.object(bad), 2, "adam")
        bad = good
        bad["dataset"] = ["npz": "absent.npz", "schema": ["features": ["shape": [64]], "label": ["kind": "number"]]]
        try await fails(.object(bad), 4, "absent.npz")
        try await fails(TrainingSamples.treeRequest(["topic": "thirds"]), 2, "--dataset")
        try await fails(TrainingSamples.digitsRequest(), 2, "rows.txt", arguments: ["--dataset", "rows.txt"])
        try await fails(TrainingSamples.digitsRequest(), 2, "chart.png", arguments: ["--plot", "chart.png"])
        bad = good
        bad["architecture"] = nil
        bad["base"] = ["version": 3]
        try await fails(.object(bad), 2, "--base")
        let csv = try folder.write("x,y,label\n1,2,low\n1,many,high\n", as: "bad.csv")
        try await fails(TrainingSamples.treeRequest(["csv": .string(csv)]), 2, "many")

        let absent = try await BinaryRunner.run(["train", "run", "absent.json"])
        #expect(absent.exitCode == 4 && absent.stderr.contains("absent.json"))
        let broken = try await BinaryRunner.run(["train", "run", "-"], input: "{\"model\": \n oops}")
        #expect(broken.exitCode == 2 && broken.stderr.contains("line 2"), "\(broken.stderr)")
    }

    @Test func `a loss that leaves the numbers ends the fit`() async throws {
        guard case .object(var request) = TrainingSamples.digitsRequest() else { return }
        request["optimizer"] = ["type": "sgd", "learning_rate": 1e30]
        let output = try await run(.object(request))
        #expect(output.exitCode == 1)
        #expect(output.stderr.contains("expected a finite number"), "\(output.stderr)")
    }

    @Test func `a bundle is not written over`() async throws {
        let csv = try folder.write(TrainingSamples.csv(60), as: "rows.csv")
        let bundle = folder.path + "/model"
        let request = TrainingSamples.treeRequest(["csv": .string(csv)], evaluation: ["method": "none"])
        #expect(try await run(request, ["--bundle", bundle]).exitCode == 0)
        let again = try await run(request, ["--bundle", bundle])
        #expect(again.exitCode == 2 && again.stderr.contains(bundle), "\(again.stderr)")
    }
}
