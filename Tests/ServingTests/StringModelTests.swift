import ModelFormats
import ModelRegistry
import TensorEngine
import TestSupport
import Testing

@testable import Serving

/// A model of strings as it is served: rows of several requests run together, and each gets what it gets alone.
@Suite struct StringModelTests {
    private func model() throws -> LoadedModel {
        let graph = try ModelFile.open("\(Fixtures.root)/Tests/Fixtures/onnx-ml/columns_forest.onnx").graph
        let manifest = Manifest(name: "columns", graph: graph, createdAt: "2024-05-06T07:08:09Z")
        let bundle = ModelBundle(manifest: manifest, graph: graph)
        return try LoadedModel(
            version: ModelVersion(identity: .init(name: "columns", number: 1), digest: bundle.digest), bundle: bundle)
    }

    private func request(_ colours: [String], _ sizes: [String], _ weights: [Float]) throws -> InferenceRequest {
        func text(_ name: String, _ values: [String]) throws -> NamedText {
            NamedText(name: name, shape: try Shape([values.count, 1]), values: values)
        }
        let weight = try Tensor(shape: Shape([weights.count, 1]), elements: weights)
        return InferenceRequest(
            inputs: [NamedTensor(name: "weight", tensor: weight)],
            texts: [try text("colour", colours), try text("size", sizes)])
    }

    @Test func batchesAnswerAsRowsAlone() throws {
        let model = try model()
        #expect(model.isBatched)
        try model.warmUp(maximumRows: 4, on: ExecutionContext())
        let requests = [
            try request(["rot", "grün"], ["S", "L"], [1.5, -1]), try request([""], ["M"], [0]),
            try request(["blau", "nie gesehen", "rot"], ["L", "L", "XXL"], [0.7, 0.2, -2]),
        ]
        let bound = try requests.map { try BoundRequest($0, Registry.Resolution(model: model)) }
        #expect(Set(bound.map(\.batchKey)).count == 1)
        func slice(_ index: Int, _ rows: Range<Int>) -> BoundSlice {
            BoundSlice(ticket: Ticket(lane: 0, sequence: index), request: bound[index], rows: rows)
        }
        func answers(_ slices: [BoundSlice]) throws -> [[Tensor]] {
            try InferenceEngine.run(slices, on: ExecutionContext()).map { try $0.get().tensors() }
        }
        let together = try answers([slice(0, 0..<2), slice(1, 0..<1), slice(2, 1..<3)])
        let alone = [slice(0, 0..<1), slice(0, 1..<2), slice(1, 0..<1), slice(2, 1..<2), slice(2, 2..<3)]
        let rows = try alone.map { try answers([$0])[0] }
        #expect(together.flatMap { $0[0].strings } == rows.flatMap { $0[0].strings })
        #expect(
            try together.flatMap { try $0[1].elements(as: Float.self) }
                == rows.flatMap { try $0[1].elements(as: Float.self) })
        #expect(together.map { $0[0].shape } == [[2], [1], [2]])
    }
}
