import Foundation
import JSONDocuments
import ModelFormats
import ModelRegistry
import TensorEngine
import TestSupport
import Testing

@testable import Serving

/// Text goes in, embeddings come out: against sentence-transformers' pooling of a small random BERT
/// (`Tests/Fixtures/huggingface/make_models.py`).
@Suite struct TextRequestTests {
    private static let folder = "\(Fixtures.root)/Tests/Fixtures/huggingface/models/sentence"
    private let codec = RequestCodec(limits: .init())

    private struct Headers: HeaderFields {
        var values: [String: String] = [:]
        func firstValue(named name: String) -> ArraySlice<UInt8>? { values[name].map { ArraySlice($0.utf8) } }
    }

    private func decode(_ json: String, tail: [UInt8]? = nil) throws -> InferenceRequest {
        let bytes = Array(json.utf8) + (tail ?? [])
        let headers = Headers(
            values: tail == nil ? [:] : [HeaderName.inferenceHeaderContentLength: String(json.utf8.count)])
        return try codec.decode(value: bytes[...], headers: headers, using: DecodeScratch())
    }

    private func model() throws -> LoadedModel {
        let graph = try ModelFile.open(Self.folder).graph
        let manifest = Manifest(name: "sentence", graph: graph, createdAt: "2024-05-06T07:08:09Z")
        let bundle = ModelBundle(manifest: manifest, graph: graph)
        return try LoadedModel(
            version: ModelVersion(
                identity: .init(name: "sentence", number: 1), digest: bundle.digest), bundle: bundle)
    }

    private func reference() throws -> (texts: [String], rows: [[Float]]) {
        let data = try Data(contentsOf: URL(filePath: "\(Self.folder)/texts.json"))
        let root = JSONCursor(try JSONValue(parsing: data))
        let rows = try root.member("outputs").elements().map { try $0.elements().map { Float(try $0.number()) } }
        return (try root.member("texts").elements().map { try $0.string() }, rows)
    }

    private func json(_ texts: [String]) -> String {
        let data = JSONValue.array(texts.map { .string($0) }).serialized(.compact)
        return #"{"inputs":[{"name":"text","datatype":"BYTES","shape":[\#(texts.count)],"data":"#
            + String(decoding: data, as: UTF8.self) + "}]}"
    }

    @Test func embedsTextAloneAndTogether() throws {
        let model = try model()
        let (texts, rows) = try reference()
        func run(_ texts: [String]) throws -> [[Float]] {
            let request = try decode(json(texts)).tokenized(by: model.textInput, for: model.graph.inputs)
            let match = try SignatureMatch(request, inputs: model.graph.inputs, outputs: model.graph.outputs)
            #expect(match.isBatched && match.rowCount == texts.count)
            let plan = try model.graph.plan(inputShapes: match.inputs.map(\.shape))
            let output = try ExecutionContext().run(plan, inputs: match.inputs)[0]
            let values = try output.elements(as: Float.self)
            return texts.indices.map { Array(values[($0 * 24)..<(($0 + 1) * 24)]) }
        }
        let together = try run(texts)
        for (index, text) in texts.enumerated() {
            for (found, expected) in zip(together[index], rows[index]) {
                #expect(abs(found - expected) < 1e-5, "\(text)")
            }
            // Another padding, the same bits.
            #expect(try run([text])[0].map(\.bitPattern) == together[index].map(\.bitPattern), "\(text)")
        }
    }

    @Test func rawStringsAreReadToo() throws {
        let texts = ["Café", "", "x"]
        let tail = texts.flatMap { text -> [UInt8] in
            let length = UInt32(text.utf8.count)
            return (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(text.utf8)
        }
        func request(_ size: Int) -> String {
            #"{"inputs":[{"name":"text","datatype":"BYTES","shape":[3,1],"parameters":{"binary_data_size":\#(size)}}]}"#
        }
        #expect(try decode(request(tail.count), tail: tail).texts.first?.values == texts)
        for (bytes, size) in [
            (tail, tail.count - 1), (Array(tail.dropLast()), tail.count - 1), ([255, 255, 255, 255], 4),
        ] {
            #expect(throws: RequestError.self) { try decode(request(size), tail: bytes) }
        }
        #expect(throws: RequestError.self) { try decode(request(13), tail: Array(tail.prefix(11)) + [0, 0xFF]) }
    }

    @Test(arguments: [
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[2],"data":["a"]}]}"#, "expected 2"),
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["a","b"]}]}"#, "more than 1"),
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":[1]}]}"#, "inputs[0].data[0]"),
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":"a"}]}"#, "inputs[0].data"),
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1,2],"data":["a","b"]}]}"#, "[rows]"),
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1]}]}"#, "missing"),
        (#"{"inputs":[{"name":"txt","datatype":"BYTES","shape":[1],"data":["a"]}]}"#, "\"text\""),
        (#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[0],"data":[]}]}"#, "no rows"),
        (
            #"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["a"]},{"name":"y","datatype":"FP32","shape":[1],"data":[1]}]}"#,
            "alone"
        ),
    ]) func refuses(_ json: String, _ mention: String) throws {
        let model = try model()
        let error = #expect(throws: RequestError.self) {
            try decode(json).tokenized(by: model.textInput, for: model.graph.inputs)
        }
        #expect(error?.message.contains(mention) == true, "\(String(describing: error))")
    }

    @Test func modelsWithoutTokenizerTakeNoText() throws {
        let error = #expect(throws: RequestError.self) { try decode(json(["a"])).tokenized(by: nil, for: []) }
        #expect(error?.code == .unsupportedDatatype)
    }
}
