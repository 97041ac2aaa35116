import Foundation
import Glibc
import JSONDocuments
import ModelFormats
import TestSupport
import Testing
import Training

@testable import MillraceCommand

/// `millrace train run --checkpoint`.
@Suite struct CheckpointTests {
    private struct Killed: Error {}

    private static let requests: [(name: String, request: JSONValue)] = [
        ("hold-out", TrainingSamples.digitsRequest(epochs: 3)),
        ("folds", TrainingSamples.digitsRequest(epochs: 2, evaluation: ["method": "k_fold", "folds": 2])),
        ("search", search),
    ]

    private static var search: JSONValue {
        guard case .object(var members) = TrainingSamples.digitsRequest(epochs: 1) else { return .null }
        members["search"] = [
            "strategy": "grid", "metric": "accuracy", "parameters": ["optimizer.learning_rate": [0.001, 0.01]],
        ]
        return .object(members)
    }

    let folder: TemporaryFolder
    private var path: String { folder.path + "/checkpoint" }

    init() throws { folder = try TemporaryFolder() }

    private func display() -> TrainingDisplay {
        TrainingDisplay(
            isInteractive: false, usesColor: false, size: { TerminalSize(columns: 80, rows: 24) }, now: { .now },
            write: { _ in })
    }

    /// - Parameter calls: after so many looks the process is gone.
    private func train(
        _ json: JSONValue, _ dataset: any Dataset, checkpoint: String?, killAfter calls: Int = .max
    ) throws -> (weights: String, looks: Int, result: LocalTraining.Result) {
        let request = try TrainingRequest(json)
        let checkpoints = try checkpoint.map {
            try LocalCheckpoints($0, request: request, dataset: dataset, base: nil)
        }
        var looks = 0
        let result = try LocalTraining(request, dataset: dataset, checkpoints: checkpoints).run(display()) {
            looks += 1
            if looks > calls { throw Killed() }
        }
        return (TrainedModel(result, of: request, dataset: dataset).bundle.manifest.weightsSHA256, looks, result)
    }

    @Test(arguments: requests.indices) func `whenever it is killed, it comes to the same weights`(_ index: Int) throws {
        guard case .object(var members) = Self.requests[index].request else { return }
        members["checkpoint_steps"] = 10
        let request = JSONValue.object(members)
        let dataset = try DatasetSource.load(TrainingRequest(request).dataset).dataset
        let whole = try train(request, dataset, checkpoint: nil)
        // At every third of the way, again and again.
        let step = whole.looks / 3
        var kills = 0
        while true {
            do {
                let resumed = try train(request, dataset, checkpoint: path, killAfter: step)
                #expect(resumed.weights == whole.weights, "\(Self.requests[index].name)")
                #expect(resumed.looks < whole.looks, "it began anew")
                #expect(resumed.result.outcome.history == whole.result.outcome.history)
                #expect(resumed.result.folds == whole.result.folds)
                #expect(resumed.result.judged.map(\.report) == whole.result.judged.map(\.report))
                #expect(resumed.result.judged.map(\.history) == whole.result.judged.map(\.history))
                break
            } catch is Killed {
                kills += 1
                try #require(kills < 20, "it does not get on")
            }
        }
        #expect(kills >= 2)
    }

    @Test func `a killed process is gone on with by the same command`() async throws {
        let file = try folder.write(TrainingSamples.digitsRequest(epochs: 12), as: "request.json")
        let arguments = ["train", "run", file, "--output", "json"]
        let whole = try await BinaryRunner.run(arguments)
        let killed = try BinaryRunner.start(arguments + ["--checkpoint", path])
        // From a thread of its own: among other tests a task may wait for seconds, and the training would be over.
        let checkpoint = "\(path)/t0-f0.checkpoint"
        Thread.detachNewThread {
            while killed.isRunning, !FileManager.default.fileExists(atPath: checkpoint) { usleep(2000) }
            killed.killAtOnce()
        }
        #expect(try await killed.output(within: .seconds(120)).exitCode == 128 + SIGKILL)
        let resumed = try await BinaryRunner.run(arguments + ["--checkpoint", path])
        try #require(resumed.exitCode == 0, "\(resumed.stderr)")
        #expect(resumed.stderr.contains("going on from"), "\(resumed.stderr)")
        #expect(!resumed.stderr.contains("epoch 1:"), "\(resumed.stderr)")
        #expect(try resumed.document().member("weights").string() == whole.document().member("weights").string())
        #expect(try resumed.document().member("history").elements().count == 12)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a folder of another training, or in use, is refused`() throws {
        let request = try TrainingRequest(TrainingSamples.digitsRequest())
        let dataset = try DatasetSource.load(request.dataset).dataset
        do {
            let first = try LocalCheckpoints(path, request: request, dataset: dataset, base: nil)
            #expect(!first.isResumed)
            let busy = #expect(throws: CommandFailure.self) {
                try LocalCheckpoints(path, request: request, dataset: dataset, base: nil)
            }
            #expect(busy?.status == .refused && busy?.message.contains("another process") == true)
        }
        #expect(try LocalCheckpoints(path, request: request, dataset: dataset, base: nil).isResumed)
        let other = try TrainingRequest(TrainingSamples.digitsRequest(seed: 8))
        let foreign = #expect(throws: CommandFailure.self) {
            try LocalCheckpoints(path, request: other, dataset: dataset, base: nil)
        }
        #expect(foreign?.message.contains("another training") == true)
        let full = try folder.write("rows", as: "rows.csv")
        let used = #expect(throws: CommandFailure.self) {
            try LocalCheckpoints(folder.path, request: request, dataset: dataset, base: nil)
        }
        #expect(used?.message.contains("rows.csv") == true && FileManager.default.fileExists(atPath: full))
    }
}
