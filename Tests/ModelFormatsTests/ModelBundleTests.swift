import Foundation
import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

@Suite struct ModelBundleTests {
    static let createdAt = "2024-05-06T07:08:09Z"

    static func digits() throws -> ModelBundle {
        let model = try ModelFile.open(Fixtures.path("digits/cnn.h5"))
        let manifest = Manifest(
            name: "digits", version: 3, graph: model.graph, source: model.source,
            training: ["epochs": 12, "seed": 20], metrics: ["accuracy": 0.9989, "loss": 1],
            metadata: ["owner": "vision — Zürich"], createdAt: createdAt)
        return ModelBundle(manifest: manifest, graph: model.graph)
    }

    @Test func roundTrips() throws {
        let folder = try TemporaryFolder()
        let bundle = try Self.digits()
        let path = "\(folder.path)/digits"
        try bundle.write(to: path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["digits"])
        let read = try ModelBundle.load(at: path)
        #expect(read.manifest == bundle.manifest)
        #expect(read.digest == bundle.digest)
        #expect(read.manifest.json == bundle.manifest.json)
        #expect(read.graph.nodes.map(\.name) == bundle.graph.nodes.map(\.name))
        #expect(Set(read.graph.initializers.keys) == Set(bundle.graph.initializers.keys))
        for (name, tensor) in bundle.graph.initializers {
            let found = try #require(read.graph.initializers[name])
            #expect(found.shape == tensor.shape)
            #expect(found.withBytes { Array($0) } == tensor.withBytes { Array($0) })
        }
        // The same bits, and the same again when written again.
        let images = try #require(try Fixtures.arrays("digits/digits.npz")["images"])
        let before = try #require(try run(bundle.graph, ["image": images])["probabilities"])
        let after = try #require(try run(read.graph, ["image": images])["probabilities"])
        #expect(before.withBytes { Array($0) } == after.withBytes { Array($0) })
        try read.write(to: "\(folder.path)/again")
        for file in ["manifest.json", "graph.json", "weights.safetensors"] {
            #expect(try bytes(of: "\(path)/\(file)") == bytes(of: "\(folder.path)/again/\(file)"))
        }
    }

    @Test func opensAsAModelFile() throws {
        let folder = try TemporaryFolder()
        let bundle = try Self.digits()
        try bundle.write(to: "\(folder.path)/digits/")
        let model = try ModelFile.open("\(folder.path)/digits")
        #expect(model.source == bundle.manifest.source)
        #expect(model.metadata == ["owner": "vision — Zürich"])
    }

    /// The digest covers the graph, the weights and the description, and nothing else.
    @Test func theDigestIsTheContents() throws {
        let one = try Self.digits()
        #expect(one.digest == (try Self.digits()).digest)
        #expect(one.digest.count == 64)
        var manifest = one.manifest
        manifest.metrics["accuracy"] = 0.99
        #expect(ModelBundle(manifest: manifest, graph: one.graph).digest != one.digest)
        var graph = one.graph
        let name = try #require(graph.initializers.keys.sorted().first)
        graph.initializers[name]?.withMutableBytes { $0[0] ^= 1 }
        let other = ModelBundle(manifest: one.manifest, graph: graph)
        #expect(other.manifest.weightsSHA256 != one.manifest.weightsSHA256)
        #expect(other.manifest.graphSHA256 == one.manifest.graphSHA256)
        #expect(other.digest != one.digest)
    }

    /// Every kind of attribute and dimension survives.
    @Test func everyAttributeRoundTrips() throws {
        let tensor = try Tensor(shape: [2], elements: [1, 2] as [Int64])
        let inner = Graph(
            name: "inner", inputs: [], outputs: [],
            nodes: [
                Node(
                    name: "c", operatorType: "Constant", inputs: [], outputs: ["w"],
                    attributes: ["value": .tensor(tensor)])
            ],
            initializers: ["w": Tensor(zeros: .bool, shape: [])])
        let floats: [Float] = [0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1]
        let node = Node(
            name: "n", operatorType: "Everything", inputs: ["x", "", "w"], outputs: ["y"],
            attributes: [
                "i": .int(-7), "f": .float(0.1), "s": .string("é\n\""), "is": .ints([1, -2]), "fs": .floats(floats),
                "ss": .strings(["a", ""]), "t": .tensor(tensor), "g": .graph(inner), "nan": .float(.nan),
            ])
        let graph = Graph(
            name: "all", operatorSetVersion: 13,
            inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .symbolic("n"), .fixed(0)])],
            outputs: [ValueInfo(name: "y", elementType: .uint8, dimensions: [])], nodes: [node],
            // Named as the tensors of the attribute and of the subgraph would be.
            initializers: ["w": Tensor(zeros: .float64, shape: [0, 3]), "n.t": Tensor(zeros: .int8, shape: [3])])
        let folder = try TemporaryFolder()
        let manifest = Manifest(name: "all", graph: graph, createdAt: Self.createdAt)
        try ModelBundle(manifest: manifest, graph: graph).write(to: "\(folder.path)/all")
        let read = try ModelBundle.load(at: "\(folder.path)/all").graph
        #expect(read.operatorSetVersion == 13)
        #expect(read.inputs == graph.inputs)
        #expect(read.outputs == graph.outputs)
        #expect(read.initializers["w"]?.shape == [0, 3])
        #expect(read.initializers["n.t"]?.elementType == .int8)
        let found = try #require(read.nodes.first)
        #expect(found.inputs == node.inputs)
        guard case .int(-7) = found.attributes["i"], case .float(0.1) = found.attributes["f"],
            case .string("é\n\"") = found.attributes["s"], case .ints([1, -2]) = found.attributes["is"],
            case .strings(["a", ""]) = found.attributes["ss"], case .floats(let readFloats) = found.attributes["fs"],
            case .tensor(let readTensor) = found.attributes["t"], case .graph(let readInner) = found.attributes["g"],
            case .float(let nan) = found.attributes["nan"]
        else {
            Issue.record("\(found.attributes)")
            return
        }
        #expect(readFloats.map(\.bitPattern) == floats.map(\.bitPattern))
        #expect(nan.isNaN)
        #expect(try readTensor.elements(as: Int64.self) == [1, 2])
        #expect(readInner.initializers["w"]?.elementType == .bool)
        #expect(readInner.nodes.first?.outputs == ["w"])
    }

    struct Tampering: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let file: String
        let reason: ModelFormatError.Reason
        /// New bytes, or nil to remove the file.
        let change: @Sendable ([UInt8]) -> [UInt8]?
    }

    static func replacing(_ old: String, _ new: String) -> @Sendable ([UInt8]) -> [UInt8]? {
        { bytes in Array(String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: old, with: new).utf8) }
    }

    static func flipping(fromEnd position: Int) -> @Sendable ([UInt8]) -> [UInt8]? {
        { bytes in
            var bytes = bytes
            bytes[bytes.count - position] ^= 1
            return bytes
        }
    }

    static let tamperings: [Tampering] = {
        let files = ["manifest.json", "graph.json", "weights.safetensors"]
        var all = files.map { Tampering(testDescription: "no \($0)", file: $0, reason: .notFound) { _ in nil } }
        for file in files {
            let reason: ModelFormatError.Reason = file == "manifest.json" ? .malformed : .digestMismatch
            all.append(
                Tampering(testDescription: "\(file) halved", file: file, reason: reason) {
                    Array($0.prefix($0.count / 2))
                })
            all.append(Tampering(testDescription: "\(file) emptied", file: file, reason: reason) { _ in [] })
        }
        all += [
            Tampering(
                testDescription: "a weight's bit", file: files[2], reason: .digestMismatch, change: flipping(fromEnd: 9)
            ),
            Tampering(
                testDescription: "a node's operator", file: files[1], reason: .digestMismatch,
                change: replacing("MaxPool", "AvgPool")),
            Tampering(
                testDescription: "the manifest's weights digest", file: files[2], reason: .digestMismatch,
                change: { $0 + [0] }),
            Tampering(
                testDescription: "another format", file: files[0], reason: .malformed,
                change: replacing("\"formatVersion\": 1", "\"formatVersion\": 2")),
            Tampering(
                testDescription: "an unknown member", file: files[0], reason: .malformed,
                change: replacing("\"createdAt\"", "\"madeAt\"")),
            Tampering(
                testDescription: "another input", file: files[0], reason: .mismatch,
                change: replacing("\"image\"", "\"picture\"")),
        ]
        return all
    }()

    @Test(arguments: tamperings)
    func tamperingIsNoticed(_ tampering: Tampering) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/digits"
        try Self.digits().write(to: path)
        let file = "\(path)/\(tampering.file)"
        let before = try bytes(of: file)
        if let after = tampering.change(before) {
            #expect(after != before)
            try Data(after).write(to: URL(filePath: file))
        } else {
            try FileManager.default.removeItem(atPath: file)
        }
        let error = try error { _ = try ModelBundle.load(at: path) }
        #expect(error.reason == tampering.reason, "\(error)")
        #expect(error.file == file)
    }

    /// Without verification the digests are not compared, but nothing unsafe is read either.
    @Test func unverifiedLoadingStillValidates() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/digits"
        try Self.digits().write(to: path)
        let file = "\(path)/weights.safetensors"
        let whole = try bytes(of: file)
        try Data(Self.flipping(fromEnd: 9)(whole) ?? []).write(to: URL(filePath: file))
        _ = try ModelBundle.load(at: path, verify: false)
        try Data(whole.dropLast(4)).write(to: URL(filePath: file))
        #expect(try error { _ = try ModelBundle.load(at: path, verify: false) }.reason == .truncated)
    }

    @Test func neverOverwrites() throws {
        let folder = try TemporaryFolder()
        let bundle = try Self.digits()
        let path = "\(folder.path)/digits"
        try bundle.write(to: path)
        #expect(try error { try bundle.write(to: path) }.reason == .unwritable)
        #expect(try error { try bundle.write(to: "\(folder.path)/no/parent") }.reason == .unwritable)
        #expect(try error { try bundle.write(to: "\(folder.path)/..") }.reason == .unwritable)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["digits"])
    }
}
