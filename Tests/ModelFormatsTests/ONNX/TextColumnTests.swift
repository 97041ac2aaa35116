import Foundation
import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// scikit-learn's pipelines over columns of text (`Tests/Fixtures/onnx-ml/make_models.py`) answer as ONNX Runtime does, also
/// after a way through a bundle.
@Suite struct TextColumnTests {
    static let names = ["columns_logistic", "columns_forest"]

    struct Reference {
        let inputs: [Tensor]
        let labels: [String]
        let probabilities: [Double]

        init(_ name: String, _ graph: Graph) throws {
            let data = try Data(contentsOf: URL(filePath: Fixtures.path("onnx-ml/\(name).json")))
            let root = JSONCursor(try JSONValue(parsing: data))
            labels = try root.member("labels").elements().map { try $0.string() }
            probabilities = try root.member("probabilities").elements().flatMap { try $0.elements() }
                .map { try $0.number() }
            let rows = labels.count
            inputs = try graph.inputs.map { input in
                let column = try root.member("inputs").member(input.name).elements()
                let shape = try Shape([rows, 1])
                if input.elementType == .string {
                    return try Tensor(shape: shape, strings: column.map { try $0.string() })
                }
                return try Tensor(shape: shape, elements: column.map { Float(try $0.number()) })
            }
        }
    }

    @Test(arguments: names) func answersAsONNXRuntime(_ name: String) throws {
        let imported = try ModelFile.open(Fixtures.path("onnx-ml/\(name).onnx")).graph
        let reference = try Reference(name, imported)
        let folder = try TemporaryFolder()
        let manifest = Manifest(name: name, graph: imported, createdAt: "2024-05-06T07:08:09Z")
        try ModelBundle(manifest: manifest, graph: imported).write(to: "\(folder.path)/bundle")
        for graph in [imported, try ModelBundle.load(at: "\(folder.path)/bundle").graph] {
            let compiled = try CompiledGraph(graph)
            #expect(compiled.isDynamic && compiled.outputs.allSatisfy(\.hasBatchDimension))
            #expect(compiled.outputs.map(\.elementType) == [.string, .float32])
            let outputs = try compiled.run(reference.inputs, on: ExecutionContext())
            #expect(outputs[0].strings == reference.labels)
            let found = try outputs[1].elements(as: Float.self).map(Double.init)
            #expect(zip(found, reference.probabilities).allSatisfy { abs($0 - $1) < 1e-5 })
            #expect(found.count == reference.probabilities.count)
        }
    }

    /// String constants and attributes keep every byte, and a damaged list of them is refused.
    @Test func bundlesKeepStrings() throws {
        let texts = ["", "größer", "gro\u{308}ßer", "a\u{0}b", "\u{1F33C}\"\\\n"]
        let graph = Graph(
            name: "texts", inputs: [ValueInfo(name: "x", elementType: .string, dimensions: [.batch])],
            outputs: [ValueInfo(name: "y", elementType: .bool, dimensions: [.batch, .fixed(5)])],
            nodes: [
                Node(name: "column", operatorType: "Unsqueeze", inputs: ["x", "axes"], outputs: ["c"]),
                Node(name: "equal", operatorType: "Equal", inputs: ["c", "texts"], outputs: ["y"]),
            ],
            initializers: [
                "axes": try Tensor(shape: [1], elements: [1] as [Int64]),
                "texts": try Tensor(shape: [5], strings: texts),
            ])
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/bundle"
        let manifest = Manifest(name: "texts", graph: graph, createdAt: "2024-05-06T07:08:09Z")
        try ModelBundle(manifest: manifest, graph: graph).write(to: path)
        let loaded = try ModelBundle.load(at: path).graph
        let kept = try #require(loaded.initializers["texts"])
        #expect(kept.shape == [5] && kept.strings.map { Array($0.utf8) } == texts.map { Array($0.utf8) })
        let outputs = try CompiledGraph(loaded).run(
            [try Tensor(shape: [5], strings: texts)], on: ExecutionContext())
        // Each is equal to itself alone: two spellings of one letter are two texts.
        let expected = (0..<25).map { $0 % 6 == 0 }
        #expect(try outputs[0].elements(as: Bool.self) == expected)

        let file = "\(path)/graph.json"
        let json = try String(contentsOfFile: file, encoding: .utf8)
        for (found, damaged) in [("\"shape\":[5]", "\"shape\":[6]"), ("\"shape\":[5]", "\"shape\":[-5]")] {
            try #require(json.contains(found))
            try json.replacing(found, with: damaged).write(toFile: file, atomically: true, encoding: .utf8)
            #expect(throws: ModelFormatError.self) { try ModelBundle.load(at: path, verify: false) }
        }
    }

    /// A TensorProto of strings with a field damaged: too few or too many, not UTF-8, bytes in the place of text.
    @Test func damagedStringTensorsAreRefused() throws {
        let folder = try TemporaryFolder()
        func tensor(_ dimensions: [UInt8], _ texts: [[UInt8]], _ rest: [UInt8] = []) throws -> Tensor {
            var bytes: [UInt8] = dimensions.flatMap { [0x08, $0] } + [0x10, 8]
            for text in texts { bytes += [0x32, UInt8(text.count)] + text }
            return try ONNXImporter.tensor(at: try folder.file("tensor.pb", bytes + rest))
        }
        let (a, umlaut): ([UInt8], [UInt8]) = ([0x61], [0xC3, 0xBC])
        #expect(try tensor([2], [a, umlaut]).strings == ["a", "ü"])
        #expect(try tensor([], [[]]).strings == [""])
        #expect(try tensor([0, 2], []).strings.isEmpty)
        let damaged: [([UInt8], [[UInt8]], [UInt8])] = [
            ([2], [a], []), ([1], [a, a], []), ([127, 127, 127], [a], []), ([1], [[0xC3]], []),
            ([1], [[0xFF, 0xFE]], []),
            ([1], [], [0x4A, 1, 0x61]), ([1], [a], [0x4A, 1, 0x61]), ([1], [a], [0x70, 1]),
            ([1], [a], [0x32, 9, 0x61]),
        ]
        for (dimensions, texts, rest) in damaged {
            #expect(throws: ModelFormatError.self, "\(dimensions) \(texts) \(rest)") {
                try tensor(dimensions, texts, rest)
            }
        }
    }
}
