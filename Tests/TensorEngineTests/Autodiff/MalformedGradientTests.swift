import Testing

@testable import TensorEngine

/// The operators of gradients are in the registry, where a file may name them with any operands.
@Suite struct MalformedGradientTests {
    private struct Malformed: Sendable, CustomTestStringConvertible {
        let operatorType: String
        let shapes: [Shape?]
        var attributes: [String: AttributeValue] = [:]
        var outputs = 1
        /// Positions of int64 operands.
        var integers: Set<Int> = []
        var testDescription: String { "\(operatorType) \(shapes.map { $0?.description ?? "none" })" }
    }

    private static let function: [String: AttributeValue] = ["function": .string("LpNormalization")]

    private static let cases: [Malformed] = [
        .init(operatorType: "SumToShape", shapes: [[2, 3]]),
        .init(operatorType: "SumToShape", shapes: [[2, 3]], attributes: ["shape": .ints([4])]),
        .init(operatorType: "SumToShape", shapes: [[2, 3]], attributes: ["shape": .ints([-3])]),
        .init(operatorType: "FunctionGradient", shapes: [[2], [2]]),
        .init(operatorType: "FunctionGradient", shapes: [[2], [3]], attributes: ["function": .string("Relu")]),
        .init(operatorType: "BinaryGradient", shapes: [[2], [2], [3]], attributes: ["function": .string("slope")]),
        .init(operatorType: "ClipGradient", shapes: [[2], [2], [2]]),
        .init(operatorType: "ReductionGradient", shapes: [[1], [4]], attributes: ["function": .string("ReduceMax")]),
        .init(
            operatorType: "ReductionGradient", shapes: [[1], [4], [2]], attributes: ["function": .string("ReduceL2")]),
        .init(operatorType: "ReductionGradient", shapes: [[2], [4]], attributes: ["function": .string("ReduceSum")]),
        .init(operatorType: "SoftmaxGradient", shapes: [[4], [4]], attributes: function),
        .init(operatorType: "SoftmaxGradient", shapes: [[4], [3]], attributes: ["function": .string("Softmax")]),
        .init(
            operatorType: "NormalizationGradient", shapes: [[4], [4], [3]],
            attributes: ["function": .string("LayerNormalization")]),
        .init(
            operatorType: "NormalizationGradient", shapes: [[4], [4], [4]],
            attributes: ["function": .string("GroupNormalization"), "num_groups": .int(2)]),
        .init(operatorType: "MatMulGradient", shapes: [[2, 2], [2, 3], [4, 2]]),
        .init(operatorType: "MatMulGradient", shapes: [[], [], []]),
        .init(operatorType: "LRNGradient", shapes: [[2], [2]], attributes: ["size": .int(1)]),
        .init(operatorType: "LossGradient", shapes: [[], [4], [4]], integers: [2]),
        .init(operatorType: "LossGradient", shapes: [[], [2, 4], [2], [3]], integers: [2]),
        .init(operatorType: "GatherGradient", shapes: [[2], [], [2]], integers: [2]),
        .init(operatorType: "GatherGradient", shapes: [[2, 3], [4, 2], [2]], integers: [2]),
        .init(operatorType: "GatherElementsGradient", shapes: [[2], [3], [3]], integers: [2]),
        .init(operatorType: "GatherNDGradient", shapes: [[2], [3], []], integers: [2]),
        .init(operatorType: "SliceGradient", shapes: [[4], [2]]),
        .init(operatorType: "PadGradient", shapes: [[4], [2]]),
        .init(operatorType: "ResizeGradient", shapes: [[1, 1], [2, 2]]),
        .init(operatorType: "TileGradient", shapes: [[3], [2]]),
        .init(operatorType: "ConcatGradient", shapes: [[3], [3]], attributes: ["axis": .int(0)], outputs: 2),
        .init(operatorType: "ConcatGradient", shapes: [[3, 1], [3]], attributes: ["axis": .int(1)]),
        .init(operatorType: "AttentionGradient", shapes: [[1, 2, 6], nil, nil, nil, [1, 2, 2]], outputs: 3),
        .init(
            operatorType: "AttentionGradient", shapes: [[1, 2, 2], [1, 2, 2], [1, 2, 2], nil, [1, 2, 2]], outputs: 1),
        .init(operatorType: "TokenEmbeddingGradient", shapes: [[2], [4], nil, nil, nil, nil, [2, 4]], integers: [0]),
        .init(
            operatorType: "TokenEmbeddingGradient", shapes: [[1, 2], [4, 3], [5], nil, nil, nil, [1, 2, 3]],
            integers: [0]),
        .init(operatorType: "TokenPoolingGradient", shapes: [[1, 2, 3], [3, 1], [1, 3]], integers: [1]),
        .init(operatorType: "TokenPoolingGradient", shapes: [[2, 3], nil, [2, 3]]),
    ]

    @Test(arguments: cases)
    private func isRefused(_ test: Malformed) throws {
        var graph = Graph(
            name: "malformed", inputs: [],
            outputs: [ValueInfo(name: "y0", elementType: .float32, dimensions: [])], nodes: [])
        var names: [String] = []
        for (index, shape) in test.shapes.enumerated() {
            names.append(shape == nil ? "" : "x\(index)")
            guard let shape else { continue }
            graph.inputs.append(
                ValueInfo(
                    name: "x\(index)", elementType: test.integers.contains(index) ? .int64 : .float32,
                    dimensions: shape.dimensions.map { .fixed($0) }))
        }
        graph.nodes = [
            Node(
                name: "node", operatorType: test.operatorType, inputs: names,
                outputs: (0..<test.outputs).map { "y\($0)" }, attributes: test.attributes)
        ]
        let error = #expect(throws: GraphError.self) { try CompiledGraph(graph) }
        #expect(error?.node == "node")
    }

    @Test func theCheckOfGradientsFailsForWrongOnes() {
        withKnownIssue { GradientCheck.compare([[1, 2]], [[1, 2.1]], tolerance: 1e-4, "wrong") }
        withKnownIssue { GradientCheck.compare([[.nan]], [[1]], tolerance: 1e-4, "not a number") }
        withKnownIssue { GradientCheck.compare([[1]], [[1, 2]], tolerance: 1e-4, "too few") }
    }

    @Test func indicesOutsideOfTheTableFailTheRun() throws {
        for (operatorType, index) in [("Gather", Int64(4)), ("RowLookup", -1)] {
            let graph = Graph(
                name: "lookup",
                inputs: [
                    ValueInfo(name: "flow", elementType: .float32, dimensions: [.fixed(1), .fixed(2)]),
                    ValueInfo(name: "table", elementType: .float32, dimensions: [.fixed(4), .fixed(2)]),
                    ValueInfo(name: "ids", elementType: .int64, dimensions: [.fixed(1)]),
                ], outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])],
                nodes: [
                    Node(
                        name: "node", operatorType: "GatherGradient", inputs: ["flow", "table", "ids"], outputs: ["y"],
                        attributes: ["isLookup": .int(operatorType == "Gather" ? 0 : 1)])
                ])
            #expect(throws: GraphError.self) {
                try CompiledGraph.run(
                    graph,
                    [
                        Tensor(zeros: .float32, shape: [1, 2]), Tensor(zeros: .float32, shape: [4, 2]),
                        .integers([index]),
                    ])
            }
        }
    }
}
