import Testing

@testable import TensorEngine

@Suite struct DifferentiationTests {
    private func node(
        _ operatorType: String, _ inputs: [String], _ output: String, _ attributes: [String: AttributeValue] = [:]
    ) -> Node {
        Node(
            name: "make \(output)", operatorType: operatorType, inputs: inputs, outputs: [output],
            attributes: attributes)
    }

    private func floats(_ values: [Float], _ shape: Shape? = nil) throws -> Tensor {
        try Tensor(shape: shape ?? Shape(count: values.count), elements: values)
    }

    private func total(_ value: String) -> Node { node("ReduceSum", [value], "loss", ["keepdims": .int(0)]) }

    /// A graph with a batch of inputs `x [batch, 2]` and parameters `w [2, 2]`, `b [2]`.
    private func layer(_ nodes: [Node]) throws -> Graph {
        Graph(
            name: "layer", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(2)])],
            outputs: [], nodes: nodes,
            initializers: ["w": try floats([1, 2, 3, 4], [2, 2]), "b": try floats([0.5, -30])])
    }

    private func run(_ trained: DifferentiatedGraph, _ source: Graph, _ inputs: [Tensor]) throws -> [Tensor] {
        let parameters = try trained.parameters.map { try #require(source.initializers[$0]) }
        return try CompiledGraph.run(trained.graph, inputs + parameters)
    }

    @Test func handDerivedLayer() throws {
        let graph = try layer([
            node("Gemm", ["x", "w", "b"], "h"), node("Relu", ["h"], "y"), total("y"),
        ])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["w", "b"], outputs: ["y"])
        #expect(trained.graph.inputs.map(\.name) == ["x", "w", "b"])
        #expect(trained.graph.outputs.map(\.name) == ["loss", "y"] + trained.gradients)
        #expect(trained.graph.inputs[1].dimensions == [.fixed(2), .fixed(2)])
        #expect(trained.states.isEmpty)
        #expect(trained.seedInput == nil)
        // Rows (1, 2) and (-3, 5): h = (7.5, -20) and (12.5, -16), so that only the first unit is alive.
        let outputs = try run(trained, graph, [floats([1, 2, -3, 5], [2, 2])])
        #expect(outputs[0].floats == [20])
        #expect(outputs[1].floats == [7.5, 0, 12.5, 0])
        #expect(outputs[2].floats == [-2, 0, 7, 0])
        #expect(outputs[3].floats == [2, 0])
        // Any other batch is another plan of the same graph.
        let single = try run(trained, graph, [floats([1, 2], [1, 2])])
        #expect(single[2].floats == [1, 0, 2, 0])
        #expect(single[3].floats == [1, 0])
    }

    @Test func handDerivedCrossEntropy() throws {
        let graph = Graph(
            name: "loss", inputs: [ValueInfo(name: "labels", elementType: .int64, dimensions: [.fixed(2)])],
            outputs: [],
            nodes: [node("SoftmaxCrossEntropyLoss", ["z", "labels"], "loss")],
            initializers: ["z": try floats([0, 0, 0, 0], [2, 2])])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["z"])
        let outputs = try run(trained, graph, [.integers([0, 1])])
        #expect(abs(outputs[0].floats[0] - 0.693_147_2) < 1e-6)
        // (softmax - one hot) / 2.
        #expect(outputs[1].floats == [-0.25, 0.25, 0.25, -0.25])
    }

    @Test func productsKeepTheirActivation() throws {
        let nodes = [node("Gemm", ["x", "w", "b"], "h"), node("Relu", ["h"], "y"), total("y")]
        let trained = try Differentiation.differentiate(try layer(nodes), loss: "loss", parameters: ["w", "b"])
        #expect(!(try CompiledGraph(trained.graph).operatorTypes).contains("Relu"))

        let separate = [
            node("MatMul", ["x", "w"], "m"), node("Add", ["m", "b"], "h"), node("Relu", ["h"], "y"), total("y"),
        ]
        let graph = try layer(separate)
        let other = try Differentiation.differentiate(graph, loss: "loss", parameters: ["w", "b"])
        let types = try CompiledGraph(other.graph).operatorTypes
        #expect(!types.contains("Relu"))
        #expect(!types.contains("Add"))
        let x = try floats([1, 2, -3, 5], [2, 2])
        let fused = try run(other, graph, [x])
        #expect(fused.map(\.floats) == (try run(trained, graph, [x])).map(\.floats))
    }

    @Test func sharedAndFrozenParameters() throws {
        // y = (x w) w + b b, with b frozen in one and w in the other.
        let nodes = [
            node("MatMul", ["x", "w"], "m"), node("MatMul", ["m", "w"], "n"), node("Mul", ["b", "b"], "bb"),
            node("Add", ["n", "bb"], "y"), total("y"),
        ]
        let graph = try layer(nodes)
        let x = try floats([1, 1], [1, 2])
        let both = try Differentiation.differentiate(graph, loss: "loss", parameters: ["b", "w"])
        #expect(both.parameters == ["b", "w"])
        let outputs = try run(both, graph, [x])
        #expect(outputs[1].floats == [1, -60])
        // d(1ᵀ w w 1)/dw = 1 (w 1)ᵀ + (wᵀ 1) 1ᵀ, with w 1 = (3, 7) and wᵀ 1 = (4, 6).
        #expect(outputs[2].floats == [7, 11, 9, 13])
        let one = try Differentiation.differentiate(graph, loss: "loss", parameters: ["w"])
        #expect(one.graph.inputs.map(\.name) == ["x", "w"])
        #expect(one.graph.initializers["b"] != nil)
        #expect(try run(one, graph, [x])[1].floats == [7, 11, 9, 13])
    }

    @Test func parametersThatTheLossDoesNotReachHaveZeros() throws {
        let graph = try layer([
            node("MatMul", ["x", "w"], "y"), node("Floor", ["b"], "f"), node("Add", ["y", "f"], "z"), total("z"),
        ])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["w", "b"])
        let outputs = try run(trained, graph, [floats([1, 2], [1, 2])])
        #expect(outputs[1].floats == [1, 1, 2, 2])
        #expect(outputs[2].floats == [0, 0])
    }

    @Test func twoParametersOfOneGradient() throws {
        let graph = Graph(
            name: "sum", inputs: [], outputs: [], nodes: [node("Add", ["a", "b"], "s"), total("s")],
            initializers: ["a": try floats([1, 2]), "b": try floats([3, 4])])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["a", "b"], outputs: ["s"])
        let outputs = try run(trained, graph, [])
        #expect(outputs.map(\.floats) == [[10], [4, 6], [1, 1], [1, 1]])
    }

    @Test func lossOfOneElement() throws {
        let graph = try layer([
            node("MatMul", ["x", "w"], "y"), node("ReduceMean", ["y"], "m"), node("Reshape", ["m", "one"], "loss"),
        ])
        var shaped = graph
        shaped.initializers["one"] = .integers([1])
        let trained = try Differentiation.differentiate(shaped, loss: "loss", parameters: ["w"])
        #expect(try run(trained, shaped, [floats([1, 2], [1, 2])])[1].floats == [0.5, 0.5, 1, 1])
    }

    @Test func constantNodes() throws {
        let graph = try layer([
            Node(
                name: "factor", operatorType: "Constant", inputs: [], outputs: ["f"],
                attributes: ["value_float": .float(3)]),
            node("Mul", ["b", "f"], "y"), total("y"),
        ])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["b"], outputs: ["f"])
        #expect(trained.graph.initializers["f"] != nil)
        #expect(try run(trained, graph, [floats([1, 2], [1, 2])])[2].floats == [3, 3])
    }

    @Test func unneededNodesAreDropped() throws {
        // Loop has no gradient, but the loss does not depend on it.
        let graph = try layer([
            node("MatMul", ["x", "w"], "y"), total("y"), node("NonMaxSuppression", ["y", "y"], "unused"),
        ])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["w"])
        #expect(!trained.graph.nodes.contains { $0.operatorType == "NonMaxSuppression" })
    }

    @Test func statesThatNodesShareAreUpdatedOneAfterTheOther() throws {
        let graph = try layer([])
        var builder = TrainingFormBuilder(
            graph, types: try ValueTypes(graph.with(output: "x")), parameters: ["w"], carriers: ["w"])
        let first = node("BatchNormalization", ["x", "b"], "y")
        #expect(builder.sharingStates(first).inputs == ["x", "b"])
        try builder.addState("b", updated: "b1", by: first)
        let second = builder.sharingStates(node("BatchNormalization", ["y", "b"], "z"))
        #expect(second.inputs == ["y", "b1"])
        try builder.addState(second.inputs[1], updated: "b2", by: second)
        #expect(builder.states == [.init(initializer: "b", input: "b", output: "b2")])
        #expect(throws: GraphError.self) { try builder.addState("w", updated: "w1", by: first) }
        #expect(throws: GraphError.self) { try builder.addState("x", updated: "x1", by: first) }
        #expect(builder.seedInput == nil)
        let seed = builder.seed()
        #expect(builder.seed() == seed)
        #expect(builder.seedInput == seed)
        #expect([builder.nextStream(), builder.nextStream()] == [0, 1])
    }

    // MARK: Errors

    private func message(_ body: () throws -> DifferentiatedGraph) -> String {
        do {
            _ = try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func unknownNames() throws {
        let graph = try layer([node("Gemm", ["x", "w", "b"], "prediction"), total("prediction")])
        let parameter = message { try Differentiation.differentiate(graph, loss: "loss", parameters: ["W"]) }
        #expect(parameter == "parameter 'W' is not an initializer of the graph, did you mean 'w'?")
        let loss = message { try Differentiation.differentiate(graph, loss: "los", parameters: ["w"]) }
        #expect(loss == "loss 'los' is not a value of the graph, did you mean 'loss'?")
        let output = message {
            try Differentiation.differentiate(graph, loss: "loss", parameters: ["w"], outputs: ["predictions"])
        }
        #expect(output == "output 'predictions' is not a value of the graph, did you mean 'prediction'?")
        let input = message { try Differentiation.differentiate(graph, loss: "loss", parameters: ["x"]) }
        #expect(input.hasPrefix("parameter 'x' is not an initializer of the graph"))
        let twice = message { try Differentiation.differentiate(graph, loss: "loss", parameters: ["w", "w"]) }
        #expect(twice == "parameter 'w' is named twice")
        let same = message {
            try Differentiation.differentiate(graph, loss: "loss", parameters: ["w"], outputs: ["loss"])
        }
        #expect(same == "output 'loss' is asked for twice")
    }

    @Test func lossesThatAreNone() throws {
        let graph = try layer([node("Gemm", ["x", "w", "b"], "y"), node("ArgMax", ["y"], "best"), total("y")])
        let wide = message { try Differentiation.differentiate(graph, loss: "y", parameters: ["w"]) }
        #expect(wide == "loss 'y' has shape [batch, 2], expected one element")
        let integer = message { try Differentiation.differentiate(graph, loss: "best", parameters: ["w"]) }
        #expect(integer == "loss 'best' is of int64, expected float32 or float64")
        var whole = graph
        whole.initializers["ids"] = .integers([1])
        let ids = message { try Differentiation.differentiate(whole, loss: "loss", parameters: ["ids"]) }
        #expect(ids == "parameter 'ids' is of int64, expected float32 or float64")
    }

    @Test func operatorsWithoutGradient() throws {
        let graph = try layer([
            node("MatMul", ["w", "w"], "v"), node("Det", ["v"], "d"), total("d"),
        ])
        let found = message { try Differentiation.differentiate(graph, loss: "loss", parameters: ["w"]) }
        #expect(
            found == "node 'make d' (Det): has no gradient, but lies between a parameter and the "
                + "loss 'loss'")
        // A frozen part may have any operators.
        let frozen = try layer([
            node("Det", ["square"], "d"), node("MatMul", ["x", "w"], "y"), node("Mul", ["y", "d"], "z"),
            total("z"),
        ])
        var determined = frozen
        determined.initializers["square"] = try floats([1, 2, 3, 5], [2, 2])
        let trained = try Differentiation.differentiate(determined, loss: "loss", parameters: ["w"])
        #expect(try run(trained, determined, [floats([1, 2], [1, 2])])[1].floats == [-1, -1, -2, -2])
    }

    @Test func controlFlowIsRefusedByName() throws {
        let branch = Graph(
            name: "branch", inputs: [], outputs: [ValueInfo(name: "r", elementType: .float32, dimensions: [])],
            nodes: [node("Neg", ["m"], "r")])
        let graph = try layer([
            node("MatMul", ["x", "w"], "m"),
            Node(
                name: "choose", operatorType: "If", inputs: ["condition"], outputs: ["y"],
                attributes: ["then_branch": .graph(branch), "else_branch": .graph(branch)]), total("y"),
        ])
        var conditional = graph
        conditional.initializers["condition"] = Tensor(.bool, shape: []) { $0.copyBytes(from: [1]) }
        let found = message { try Differentiation.differentiate(conditional, loss: "loss", parameters: ["w"]) }
        #expect(found.hasPrefix("node 'choose' (If): has no gradient"))
    }
}

extension Graph {
    fileprivate func with(output: String) -> Graph {
        var graph = self
        graph.outputs = [ValueInfo(name: output, elementType: .float32, dimensions: [])]
        return graph
    }
}
