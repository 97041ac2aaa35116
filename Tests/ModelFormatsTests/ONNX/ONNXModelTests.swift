import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// Models made by `Tests/Fixtures/onnx/make_models.py` compute what ONNX Runtime computes.
@Suite struct ONNXModelTests {
    static let names = ["perceptron", "external", "convolution", "recurrent", "functions", "quantized"]

    @Test(arguments: names) func computesWhatONNXRuntimeComputes(_ name: String) throws {
        let model = try ModelFile.open(Fixtures.path("onnx/\(name).onnx"))
        #expect(model.source.framework == "onnx" && model.source.version.hasPrefix("millrace-fixtures"))
        #expect(model.graph.operatorSetVersion == 17)
        try check(model.graph, name)
    }

    /// A branch that depends on the input, with values of the outer graph, and a loop: there is no plan.
    @Test func branchesAndLoopsAreInterpreted() throws {
        let graph = try ModelFile.open(Fixtures.path("onnx/branches.onnx")).graph
        #expect(try CompiledGraph(graph).isDynamic)
        try check(graph, "branches")
        let folder = try TemporaryFolder()
        let manifest = Manifest(name: "branches", graph: graph, createdAt: "2026-01-01T00:00:00Z")
        try ModelBundle(manifest: manifest, graph: graph).write(to: folder.path + "/bundle")
        try check(try ModelFile.open(folder.path + "/bundle").graph, "branches")
        // The other branch.
        let x = try #require(try Fixtures.arrays("onnx/branches.npz")["x"])
        let opposite = try Tensor(shape: x.shape, elements: try x.elements(as: Float.self).map { -$0 })
        let (one, other) = (try run(graph, ["x": x]), try run(graph, ["x": opposite]))
        #expect(try one["y"]?.elements(as: Float.self) != other["y"]?.elements(as: Float.self))
        // A loop may not run for ever.
        var options = CompilationOptions()
        options.maximumLoopTripCount = 2
        let limited = try CompiledGraph(graph, options: options)
        let error = #expect(throws: GraphError.self) { try limited.run([x], on: ExecutionContext()) }
        #expect(error?.kind == .limitExceeded && error?.operatorType == "Loop")
    }

    /// A bundle keeps everything, wherever the weights lay.
    @Test(arguments: names) func bundlesKeepTheModel(_ name: String) throws {
        let model = try ModelFile.open(Fixtures.path("onnx/\(name).onnx"))
        let folder = try TemporaryFolder()
        let manifest = Manifest(
            name: name, version: 1, graph: model.graph, source: model.source, createdAt: "2026-01-01T00:00:00Z")
        try ModelBundle(manifest: manifest, graph: model.graph).write(to: folder.path + "/bundle")
        try check(try ModelFile.open(folder.path + "/bundle").graph, name)
    }

    /// The first dimension is the batch, whatever the exporter called it.
    @Test(arguments: names) func rowsStandAlone(_ name: String) throws {
        let graph = try ModelFile.open(Fixtures.path("onnx/\(name).onnx")).graph
        let input = try #require(graph.inputs.first)
        #expect(input.hasBatchDimension)
        let all = try #require(try Fixtures.arrays("onnx/\(name).npz")[input.name])
        let together = try #require(try run(graph, [input.name: all])["y"]).elements(as: Float.self)
        let elements = try all.elements(as: Float.self)
        let rows = all.shape.dimensions[0]
        let width = elements.count / rows
        var alone: [Float] = []
        for row in 0..<rows {
            let one = try Tensor(
                shape: Shape([1] + all.shape.dimensions.dropFirst()),
                elements: Array(elements[row * width..<(row + 1) * width]))
            alone += try #require(try run(graph, [input.name: one])["y"]).elements(as: Float.self)
        }
        #expect(alone.map(\.bitPattern) == together.map(\.bitPattern))
    }

    private func check(_ graph: Graph, _ name: String) throws {
        let arrays = try Fixtures.arrays("onnx/\(name).npz")
        let names = Set(graph.inputs.map(\.name))
        let found = try run(graph, arrays.filter { names.contains($0.key) })
        for output in graph.outputs {
            let expected = try #require(arrays[output.name])
            let result = try #require(found[output.name])
            #expect(result.shape == expected.shape)
            let difference = try largestDifference(result, expected)
            #expect(difference < 1e-5, "output '\(output.name)' differs by \(difference)")
        }
    }

    // MARK: Files that are not what they should be

    /// Cut at any byte, a model is refused or, where only trailing parts are missing, read; nothing crashes.
    @Test(arguments: names) func truncatedFilesAreRefused(_ name: String) throws {
        let whole = try bytes(of: Fixtures.path("onnx/\(name).onnx"))
        let folder = try TemporaryFolder()
        for length in 1..<whole.count {
            let file = try folder.file("cut.onnx", whole[..<length])
            do {
                _ = try CompiledGraph(try ModelFile.open(file).graph)
            } catch let error as ModelFormatError {
                #expect(error.description.contains("cut.onnx"))
            } catch {}
        }
    }

    @Test(arguments: 0..<200) func damagedFilesAreRefusedOrRead(seed: Int) throws {
        var damaged = try bytes(of: Fixtures.path("onnx/\(Self.names[seed % Self.names.count]).onnx"))
        var state = UInt64(seed + 1) &* 0x9E37_79B9_7F4A_7C15
        for _ in 0..<(1 + seed % 8) {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            damaged[Int(state % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: state >> 32)
        }
        let folder = try TemporaryFolder()
        do {
            _ = try CompiledGraph(try ModelFile.open(try folder.file("damaged.onnx", damaged)).graph)
        } catch {
            #expect(!"\(error)".isEmpty)
        }
    }

    @Test(arguments: ["../external.weights", "/etc/passwd", "sub/../../external.weights", "", "absent.weights"])
    func externalDataStaysInTheFolder(_ location: String) throws {
        let whole = try bytes(of: Fixtures.path("onnx/external.onnx"))
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/model", withIntermediateDirectories: true)
        _ = try folder.file("external.weights", bytes(of: Fixtures.path("onnx/external.weights")))
        // Another location of the same length: the file's own lengths stay right.
        let old = Array("external.weights".utf8)
        let new = Array((location + String(repeating: "x", count: old.count)).utf8.prefix(old.count))
        var changed = whole
        var index = 0
        while index + old.count <= changed.count {
            if Array(changed[index..<index + old.count]) == old {
                changed.replaceSubrange(index..<index + old.count, with: new)
                index += old.count
            } else {
                index += 1
            }
        }
        #expect(changed != whole)
        let file = try folder.file("model/m.onnx", changed)
        #expect(throws: ModelFormatError.self) { try ModelFile.open(file) }
    }

    @Test func aLinkOutOfTheFolderIsNotFollowed() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/model", withIntermediateDirectories: true)
        let secret = try folder.file("secret", bytes(of: Fixtures.path("onnx/external.weights")))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/model/external.weights", withDestinationPath: secret)
        let file = try folder.file("model/m.onnx", bytes(of: Fixtures.path("onnx/external.onnx")))
        let error = #expect(throws: ModelFormatError.self) { try ModelFile.open(file) }
        #expect(error?.description.contains("external.weights") == true, "\(String(describing: error))")
    }

    @Test func shortExternalDataAreRefused() throws {
        let folder = try TemporaryFolder()
        let weights = try bytes(of: Fixtures.path("onnx/external.weights"))
        _ = try folder.file("external.weights", weights.dropLast())
        let file = try folder.file("m.onnx", bytes(of: Fixtures.path("onnx/external.onnx")))
        #expect(throws: ModelFormatError.self) { try ModelFile.open(file) }
    }
}
