import Testing

@testable import TensorEngine

/// A whole block of a transformer, of ONNX operators, with a batch of any size.
@Suite struct TransformerGradientTests {
    private static let width = 4

    private static func node(
        _ operatorType: String, _ inputs: [String], _ output: String, _ attributes: [String: AttributeValue] = [:]
    ) -> Node {
        Node(name: output, operatorType: operatorType, inputs: inputs, outputs: [output], attributes: attributes)
    }

    private static let parameters: [(String, Shape)] = [
        ("table", [6, 4]), ("wq", [4, 4]), ("wk", [4, 4]), ("wv", [4, 4]), ("wo", [4, 4]), ("bo", [4]), ("s1", [4]),
        ("t1", [4]), ("w1", [4, 8]), ("b1", [8]), ("w2", [8, 4]), ("b2", [4]), ("s2", [4]), ("t2", [4]),
        ("wc", [4, 3]),
    ]

    private func block(_ elementType: ElementType) throws -> Graph {
        func heads(_ name: String, _ weights: String) -> [Node] {
            [
                Self.node("MatMul", ["e", weights], "\(name)0"),
                Self.node("Reshape", ["\(name)0", "heads"], "\(name)1"),
                Self.node(
                    "Transpose", ["\(name)1"], name, ["perm": .ints(name == "k" ? [0, 2, 3, 1] : [0, 2, 1, 3])]),
            ]
        }
        let attention =
            heads("q", "wq") + heads("k", "wk") + heads("v", "wv") + [
                Self.node("MatMul", ["q", "k"], "p"), Self.node("Div", ["p", "root"], "scores"),
                Self.node("Softmax", ["scores"], "weights"), Self.node("MatMul", ["weights", "v"], "mixed"),
                Self.node("Transpose", ["mixed"], "rows", ["perm": .ints([0, 2, 1, 3])]),
                Self.node("Reshape", ["rows", "flat"], "joined"), Self.node("MatMul", ["joined", "wo"], "o0"),
                Self.node("Add", ["o0", "bo"], "o"), Self.node("Add", ["e", "o"], "r1"),
                Self.node("LayerNormalization", ["r1", "s1", "t1"], "n1"),
            ]
        let network = [
            Self.node("MatMul", ["n1", "w1"], "h0"), Self.node("Add", ["h0", "b1"], "h1"),
            Self.node("Gelu", ["h1"], "h2"), Self.node("MatMul", ["h2", "w2"], "h3"),
            Self.node("Add", ["h3", "b2"], "h4"), Self.node("Add", ["n1", "h4"], "r2"),
            Self.node("LayerNormalization", ["r2", "s2", "t2"], "n2"),
            Self.node("ReduceMean", ["n2"], "pooled", ["axes": .ints([1]), "keepdims": .int(0)]),
            Self.node("MatMul", ["pooled", "wc"], "logits"),
            Self.node("SoftmaxCrossEntropyLoss", ["logits", "labels"], "loss"),
        ]
        var graph = Graph(
            name: "block",
            inputs: [
                ValueInfo(name: "ids", elementType: .int64, dimensions: [.batch, .fixed(5)]),
                ValueInfo(name: "labels", elementType: .int64, dimensions: [.batch]),
            ], outputs: [], nodes: [Self.node("Gather", ["table", "ids"], "e")] + attention + network)
        var numbers = Numbers(seed: 3)
        for (name, shape) in Self.parameters {
            graph.initializers[name] = numbers.tensor(shape).converted(to: elementType)
        }
        graph.initializers["heads"] = .integers([0, 0, 2, 2])
        graph.initializers["flat"] = .integers([0, 0, 4])
        graph.initializers["root"] = Tensor.numbers([Double(2).squareRoot()], shape: []).converted(to: elementType)
        return graph
    }

    private static let batch: [Tensor] = [
        .integers([0, 3, 3, 5, 1, 2, 2, 4, 0, 5, 1, 1, 1, 1, 0], shape: [3, 5]), .integers([2, 0, 1]),
    ]

    private func outputs(_ elementType: ElementType) throws -> [Tensor] {
        let graph = try block(elementType)
        let trained = try Differentiation.differentiate(
            graph, loss: "loss", parameters: Self.parameters.map { $0.0 }, outputs: ["logits"])
        let values = try Self.parameters.map { try #require(graph.initializers[$0.0]) }
        return try CompiledGraph.run(trained.graph, Self.batch + values)
    }

    @Test func gradientsOfAllParameters() throws {
        let exact = try outputs(.float64).dropFirst(2).map(\.doubles)
        let single = try outputs(.float32).dropFirst(2).map(\.doubles)
        GradientCheck.compare(single, exact, tolerance: 1e-4, "float32 against float64")

        let graph = try block(.float64)
        var forward = graph
        forward.outputs = [ValueInfo(name: "loss", elementType: .float64, dimensions: [])]
        for (name, shape) in Self.parameters {
            forward.initializers[name] = nil
            forward.inputs.append(
                ValueInfo(name: name, elementType: .float64, dimensions: shape.dimensions.map { .fixed($0) }))
        }
        let plan = try CompiledGraph(forward).plan(
            inputShapes: Self.batch.map(\.shape) + Self.parameters.map(\.1))
        let context = ExecutionContext()
        var values = try Self.parameters.map { try #require(graph.initializers[$0.0]).doubles }
        func loss() throws -> Double {
            let tensors = zip(Self.parameters, values).map { Tensor.numbers($1, shape: $0.1) }
            return try context.run(plan, inputs: Self.batch + tensors)[0].doubles[0]
        }
        var differences: [[Double]] = []
        for parameter in values.indices {
            // Every third element, all of the small ones.
            let step = values[parameter].count > 8 ? 3 : 1
            var found = exact[parameter]
            for index in stride(from: 0, to: values[parameter].count, by: step) {
                let value = values[parameter][index]
                func shifted(_ by: Double) throws -> Double {
                    values[parameter][index] = value + by
                    return try loss()
                }
                let near = try shifted(1e-4) - shifted(-1e-4)
                let far = try shifted(2e-4) - shifted(-2e-4)
                values[parameter][index] = value
                found[index] = (8 * near - far) / 1.2e-3
            }
            differences.append(found)
        }
        GradientCheck.compare(exact, differences, tolerance: 1e-6, "float64 against differences")
    }

    @Test func aStepLowersTheLoss() throws {
        let graph = try block(.float32)
        let names = Self.parameters.map { $0.0 }
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: names)
        let compiled = try CompiledGraph(trained.graph)
        let plan = try compiled.plan(inputShapes: Self.batch.map(\.shape) + Self.parameters.map(\.1))
        let context = ExecutionContext()
        var values = try names.map { try #require(graph.initializers[$0]) }
        var losses: [Float] = []
        for _ in 0..<60 {
            let outputs = try context.run(plan, inputs: Self.batch + values)
            losses.append(outputs[0].floats[0])
            values = try zip(values, outputs.dropFirst()).map { value, gradient in
                try Tensor(shape: value.shape, elements: zip(value.floats, gradient.floats).map { $0 - 0.1 * $1 })
            }
        }
        #expect(losses[59] < losses[0] / 2)
    }
}
