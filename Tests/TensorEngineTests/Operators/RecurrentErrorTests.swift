import TensorEngine
import Testing

/// Recurrent nodes that contradict their operands are refused, with the node's name and what was expected.
@Suite struct RecurrentErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var operatorType = "LSTM"
        var input: [Dimension] = [.fixed(4), .batch, .fixed(3)]
        var constants: [Shape] = [[1, 20, 3], [1, 20, 5], [1, 40]]
        var attributes: [String: AttributeValue] = [:]
        let mention: String
        var testDescription: String { mention }
    }

    static let cases: [Case] = [
        Case(constants: [[1, 20, 2], [1, 20, 5], [1, 40]], mention: "W is [1, 20, 2], expected [1, 20, 3]"),
        Case(constants: [[1, 20, 3], [1, 21, 5], [1, 40]], mention: "R is [1, 21, 5]"),
        Case(constants: [[2, 20, 3], [2, 20, 5], [2, 40]], mention: "R is [2, 20, 5]"),
        Case(constants: [[1, 20, 3], [20, 5]], mention: "expected three dimensions each"),
        Case(constants: [[1, 20, 3], [1, 20, 5], [1, 20]], mention: "B is [1, 20], expected [1, 40]"),
        Case(input: [.batch, .fixed(3)], mention: "expected three dimensions each"),
        Case(attributes: ["hidden_size": .int(6)], mention: "hidden_size is 6"),
        Case(attributes: ["hidden_size": .int(-1)], mention: "hidden_size is -1"),
        Case(attributes: ["direction": .string("sideways")], mention: "direction is 'sideways'"),
        Case(attributes: ["direction": .string("bidirectional")], mention: "R is [1, 20, 5]"),
        Case(attributes: ["layout": .int(2)], mention: "layout is 2"),
        Case(attributes: ["clip": .float(-1)], mention: "clip is -1"),
        Case(attributes: ["activations": .strings(["Tanh"])], mention: "activations has 1 names, expected 3"),
        Case(
            attributes: ["activations": .strings(["Sigmoid", "Tanh", "Mish"])], mention: "activation 'Mish', supported"),
        Case(attributes: ["activation_alpha": .ints([1])], mention: "'activation_alpha' is of type ints"),
        Case(
            operatorType: "MaskedLSTM", mention: "has 4 inputs, expected 9"),
        Case(operatorType: "GRU", mention: "expected [1, 3 · units, units]"),
        Case(
            operatorType: "RNN", constants: [[1, 5, 3], [1, 5, 5], [1, 9]], mention: "B is [1, 9], expected [1, 10]"),
    ]

    @Test(arguments: cases) func isRefused(_ bad: Case) throws {
        let graph = Graph.single(
            bad.operatorType, input: bad.input, constants: bad.constants.map { Tensor(zeros: .float32, shape: $0) },
            attributes: bad.attributes)
        let error = try #require(throws: GraphError.self) { try CompiledGraph(graph) }
        #expect(error.node == "node")
        #expect(error.operatorType == bad.operatorType)
        #expect(error.description.contains(bad.mention), "\(error)")
    }

    /// Lengths come with the request: whatever they are, a row reads no step outside its sequence.
    @Test func lengthsOutsideTheSequence() throws {
        var numbers = Numbers(seed: 9)
        let graph = Graph(
            name: "lengths",
            inputs: [
                ValueInfo(name: "x", elementType: .float32, dimensions: [.fixed(3), .batch, .fixed(2)]),
                ValueInfo(name: "n", elementType: .int32, dimensions: [.batch]),
            ], outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])],
            nodes: [
                Node(
                    name: "gru", operatorType: "GRU", inputs: ["x", "w", "r", "", "n"], outputs: ["y"],
                    attributes: ["direction": .string("reverse")])
            ], initializers: ["w": numbers.tensor([1, 12, 2]), "r": numbers.tensor([1, 12, 4])])
        let x = numbers.tensor([3, 4, 2])
        func outputs(_ lengths: [Int32]) throws -> [UInt32] {
            try CompiledGraph.run(graph, [x, Tensor(shape: [4], elements: lengths)])[0].bits
        }
        #expect(try outputs([.min, 0, 3, .max]) == (try outputs([0, 0, 3, 3])))
        #expect(try outputs([0, 0, 0, 0]).allSatisfy { $0 == 0 })
    }

    /// Weights made within the graph are packed at every run, those of an initializer once: the bits are the same.
    @Test(arguments: InstructionSet.available) func packedWeightsGiveTheSameBits(_ set: InstructionSet) throws {
        var numbers = Numbers(seed: 4)
        let (w, r) = (numbers.tensor([1, 27, 4]), numbers.tensor([1, 27, 9]))
        let x = numbers.tensor([6, 5, 4])
        var graph = Graph.single(
            "GRU", input: [.fixed(6), .batch, .fixed(4)], constants: [w, r])
        let packed = try CompiledGraph.run(graph, [x], options: .init(set))[0].bits
        graph.initializers = [:]
        for (name, tensor) in [("c0", w), ("c1", r)] {
            graph.inputs.append(
                ValueInfo(name: name, elementType: .float32, dimensions: tensor.shape.dimensions.map(Dimension.fixed)))
        }
        #expect(try CompiledGraph.run(graph, [x, w, r], options: .init(set))[0].bits == packed)
    }
}
