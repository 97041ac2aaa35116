import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// Models with some bytes changed are refused, or read and run: nothing traps. `MILLRACE_TEST_ONNX_MUTATIONS` is how often
/// each file is changed (default 2); a trap leaves the file's name and the seed in the test's last line of output.
@Suite struct DamagedModelTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test func damagedModelsAreRefusedOrRun() throws {
        let folder = try TemporaryFolder()
        let mutations = Self.environment["MILLRACE_TEST_ONNX_MUTATIONS"].flatMap { Int($0) } ?? 2
        let isVerbose = mutations > 2
        var random = SplitMix64(state: Self.environment["MILLRACE_TEST_ONNX_SEED"].flatMap { UInt64($0) } ?? 1)
        var (read, run) = (0, 0)
        let options = CompilationOptions(
            maximumArenaByteCount: 1 << 26, maximumTensorElementCount: 1 << 20, maximumLoopTripCount: 1 << 10)
        for (name, inputs) in try models() {
            let original = try bytes(of: name)
            for mutation in 0..<mutations {
                var damaged = original
                for _ in 0..<(1 + random.next() % 3) {
                    let place = Int(random.next() % UInt64(damaged.count))
                    // Small numbers and extremes are what lengths, extents and attributes fear.
                    let values: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())]
                    damaged[place] = values[Int(random.next() % UInt64(values.count))]
                }
                let file = try folder.file("model.onnx", damaged)
                if isVerbose {
                    // Outside of the test's own folder: what a trap leaves behind.
                    let kept = FileManager.default.temporaryDirectory
                    try Data("\(name) \(mutation)".utf8).write(to: kept.appending(path: "millrace-damaged.txt"))
                    try Data(damaged).write(to: kept.appending(path: "millrace-damaged.onnx"))
                }
                do {
                    let compiled = try CompiledGraph(try ModelFile.open(file).graph, options: options)
                    read += 1
                    guard compiled.inputs.count == inputs.count else { continue }
                    _ = try compiled.run(inputs, on: ExecutionContext())
                    run += 1
                } catch let error as ModelFormatError {
                    #expect(!error.description.isEmpty)
                } catch let error as GraphError {
                    #expect(!error.description.isEmpty)
                }
            }
        }
        #expect(read > 0 && run > 0)
    }

    /// Every model of the fixtures and, where they have been written, of the specification's cases, with inputs.
    private func models() throws -> [(file: String, inputs: [Tensor])] {
        var result: [(file: String, inputs: [Tensor])] = []
        for name in ONNXModelTests.names + ["branches"] {
            let file = Fixtures.path("onnx/\(name).onnx")
            let arrays = try Fixtures.arrays("onnx/\(name).npz")
            result.append((file, try ModelFile.open(file).graph.inputs.compactMap { arrays[$0.name] }))
        }
        for name in ClassicalModelTests.names {
            let rows = try #require(try Fixtures.arrays("onnx-ml/\(name).npz")["input"])
            result.append((Fixtures.path("onnx-ml/\(name).onnx"), [rows]))
        }
        for name in TextColumnTests.names {
            let file = Fixtures.path("onnx-ml/\(name).onnx")
            result.append((file, try TextColumnTests.Reference(name, try ModelFile.open(file).graph).inputs))
        }
        guard let folder = NodeCases.folder else { return result }
        for test in try NodeCases.all(in: folder, filter: Self.environment["MILLRACE_TEST_ONNX_FILTER"]) {
            guard let graph = try? ModelFile.open("\(test.folder)/model.onnx").graph else { continue }
            let inputs = graph.inputs.indices.compactMap {
                try? ONNXImporter.tensor(at: "\(test.folder)/test_data_set_0/input_\($0).pb")
            }
            result.append(("\(test.folder)/model.onnx", inputs))
        }
        return result
    }
}
