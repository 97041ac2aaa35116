import TensorEngine
import Testing

/// Rewriting keeps a graph's results, to a stated tolerance, and leaves the nodes it promises.
@Suite struct RewritingTests {
    private var numbers = Numbers(seed: 17)

    private mutating func positive(_ shape: Shape) -> Tensor {
        let values = numbers.tensor(shape).floats.map { abs($0) + 0.1 }
        return Tensor(.float32, shape: shape) { buffer in
            values.withUnsafeBytes { buffer.copyMemory(from: $0) }
        }
    }

    /// Compiles with and without rewriting, compares on a batch of 3, and returns the remaining operators.
    private mutating func rewritten(
        _ nodes: [Node], row: [Int], _ constants: [String: Tensor], outputs: [String] = ["y"],
        tolerance: Float = 1e-5, opset: Int = 17
    ) throws -> [String] {
        let graph = Graph(
            name: "g", operatorSetVersion: opset,
            inputs: [
                ValueInfo(name: "x", elementType: .float32, dimensions: [.batch] + row.map(Dimension.fixed))
            ],
            outputs: outputs.map { ValueInfo(name: $0, elementType: .float32, dimensions: []) }, nodes: nodes,
            initializers: constants)
        let input = numbers.tensor(try Shape([3] + row))
        var plain = CompilationOptions()
        plain.fuses = false
        let expected = try CompiledGraph.run(graph, [input], options: plain)
        let found = try CompiledGraph.run(graph, [input])
        for (a, b) in zip(found, expected) {
            #expect(a.shape == b.shape)
            let worst = zip(a.floats, b.floats).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= tolerance, "rewriting changed a result by \(worst)")
        }
        return try CompiledGraph(graph).operatorTypes
    }

    private func node(
        _ type: String, _ inputs: [String], _ output: String, _ attributes: [String: AttributeValue] = [:]
    ) -> Node {
        Node(name: "make_\(output)", operatorType: type, inputs: inputs, outputs: [output], attributes: attributes)
    }

    private mutating func normalization(_ channels: Int) -> [String: Tensor] {
        let shape: Shape = [channels]
        return [
            "s": numbers.tensor(shape), "o": numbers.tensor(shape), "m": numbers.tensor(shape), "v": positive(shape),
        ]
    }

    @Test mutating func convolutionTakesNormalizationAndActivation() throws {
        for groups in [1, 4] {
            var constants = normalization(8)
            constants["w"] = numbers.tensor([8, 4 / groups, 3, 3])
            constants["b"] = numbers.tensor([8])
            let operators = try rewritten(
                [
                    node("Conv", ["x", "w", "b"], "c", ["group": .int(groups)]),
                    node("BatchNormalization", ["c", "s", "o", "m", "v"], "n"), node("Relu", ["n"], "y"),
                ], row: [4, 6, 5], constants)
            #expect(operators == ["Conv"])
        }
    }

    @Test mutating func convolutionTakesAddedBias() throws {
        let operators = try rewritten(
            [node("Conv", ["x", "w"], "c"), node("Add", ["c", "b"], "a"), node("LeakyRelu", ["a"], "y")],
            row: [4, 6, 5], ["w": numbers.tensor([8, 4, 3, 3]), "b": numbers.tensor([1, 8, 1, 1])])
        #expect(operators == ["Conv"])
        // One value per column is no bias of channels.
        let others = try rewritten(
            [node("Conv", ["x", "w"], "c"), node("Add", ["c", "b"], "y")], row: [4, 6, 5],
            ["w": numbers.tensor([8, 4, 3, 3]), "b": numbers.tensor([3])])
        #expect(others == ["Conv", "Add"])
    }

    /// Kernels of other element types than float32 apply no activation.
    @Test(arguments: ["Conv", "Gemm", "MatMul"]) func activationsOfDoublesStayNodes(_ type: String) throws {
        let row = type == "Conv" ? [1, 3] : [2]
        let constants: [Double] = type == "Conv" ? [1, -1] : [1, -1, 2, -3]
        let graph = Graph(
            name: "g",
            inputs: [ValueInfo(name: "x", elementType: .float64, dimensions: [.batch] + row.map(Dimension.fixed))],
            outputs: [ValueInfo(name: "y", elementType: .float64, dimensions: [])],
            nodes: [node(type, ["x", "w"], "c"), node("Relu", ["c"], "y")],
            initializers: ["w": try Tensor(shape: type == "Conv" ? [1, 1, 2] : [2, 2], elements: constants)])
        let x = try Tensor(shape: Shape([1] + row), elements: type == "Conv" ? [1.0, 2, 0] : [1.0, 2])
        let found = try CompiledGraph.run(graph, [x])[0].withElements(Double.self) { Array($0) }
        #expect(found == (type == "Conv" ? [0, 2] : [5, 0]))
    }

    @Test mutating func productTakesBiasAndActivation() throws {
        for row in [[5], [4, 5]] {
            let operators = try rewritten(
                [
                    node("MatMul", ["x", "w"], "p"), node("Add", ["b", "p"], "a"),
                    node("Clip", ["a", "lower", "upper"], "y"),
                ], row: row,
                [
                    "w": numbers.tensor([5, 7]), "b": numbers.tensor([7]),
                    "lower": Tensor(shape: [], repeating: 0), "upper": Tensor(shape: [], repeating: 0.5),
                ])
            #expect(operators == ["MatMul"])
        }
    }

    @Test mutating func densesTakeNormalization() throws {
        var constants = normalization(7)
        constants["w"] = numbers.tensor([5, 7])
        let product = try rewritten(
            [node("MatMul", ["x", "w"], "p"), node("BatchNormalization", ["p", "s", "o", "m", "v"], "y")], row: [5],
            constants)
        #expect(product == ["MatMul"])
        // With three dimensions the channel is not the product's column.
        var rows = normalization(4)
        rows["w"] = numbers.tensor([5, 7])
        let unfolded = try rewritten(
            [node("MatMul", ["x", "w"], "p"), node("BatchNormalization", ["p", "s", "o", "m", "v"], "y")],
            row: [4, 5], rows)
        #expect(unfolded == ["MatMul", "BatchNormalization"])
        for transposes in [0, 1] {
            for bias in [[7], [1, 7], [1], []] as [Shape] {
                constants["w"] = numbers.tensor(transposes == 1 ? [7, 5] : [5, 7])
                constants["b"] = numbers.tensor(bias)
                let operators = try rewritten(
                    [
                        node(
                            "Gemm", ["x", "w", "b"], "p",
                            ["transB": .int(transposes), "alpha": .float(0.5), "beta": .float(2)]),
                        node("BatchNormalization", ["p", "s", "o", "m", "v"], "n"), node("Relu", ["n"], "y"),
                    ], row: [5], constants)
                #expect(operators == ["Gemm"])
            }
        }
    }

    @Test mutating func aValueWithAnotherReaderStays() throws {
        let operators = try rewritten(
            [node("Gemm", ["x", "w"], "p"), node("Relu", ["p"], "r"), node("Add", ["p", "r"], "y")], row: [5],
            ["w": numbers.tensor([5, 7])])
        #expect(operators == ["Gemm", "Relu", "Add"])
        let outputs = try rewritten(
            [node("Gemm", ["x", "w"], "p"), node("Relu", ["p"], "y")], row: [5], ["w": numbers.tensor([5, 7])],
            outputs: ["p", "y"])
        #expect(outputs == ["Gemm", "Relu"])
    }

    /// A channels-last network as importers write it: only the transposes at the two ends remain.
    @Test mutating func channelsLastLayersKeepNoInnerTranspose() throws {
        let (first, last) = (AttributeValue.ints([0, 3, 1, 2]), AttributeValue.ints([0, 2, 3, 1]))
        var constants = normalization(8)
        constants["w1"] = numbers.tensor([8, 3, 3, 3])
        constants["w2"] = numbers.tensor([8, 8, 3, 3])
        constants["b"] = numbers.tensor([8])
        constants["pads"] = try Tensor(shape: [8], elements: [0, 1, 2, 0, 0, 2, 1, 0] as [Int64])
        let operators = try rewritten(
            [
                node("Transpose", ["x"], "t1", ["perm": first]), node("Conv", ["t1", "w1"], "c1"),
                node("Transpose", ["c1"], "t2", ["perm": last]), node("Add", ["t2", "b"], "a1"),
                node("Relu", ["a1"], "r1"), node("Pad", ["r1", "pads"], "pad"),
                node("Transpose", ["pad"], "t3", ["perm": first]),
                node("MaxPool", ["t3"], "p", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
                node("Transpose", ["p"], "t4", ["perm": last]), node("Dropout", ["t4"], "d"),
                node("Transpose", ["d"], "t5", ["perm": first]),
                node("BatchNormalization", ["t5", "s", "o", "m", "v"], "n"),
                node("Transpose", ["n"], "t6", ["perm": last]), node("Sigmoid", ["t6"], "g"),
                node("Transpose", ["g"], "t7", ["perm": first]),
                node("Conv", ["t7", "w2"], "c2", ["pads": .ints([1, 1, 1, 1])]),
                node("Transpose", ["c2"], "t8", ["perm": last]),
                node("Add", ["t8", "d"], "sum"), node("Concat", ["sum", "t4"], "cat", ["axis": .int(-1)]),
                node("Flatten", ["cat"], "y"),
            ], row: [10, 9, 3], constants)
        #expect(operators.count { $0 == "Transpose" } == 2, "\(operators)")
        #expect(operators.first == "Transpose" && operators.suffix(2) == ["Transpose", "Flatten"])
        #expect(operators.count { $0 == "Add" } == 1)
    }

    @Test mutating func constantsAreFoldedAndDeadNodesRemoved() throws {
        let operators = try rewritten(
            [
                node("Transpose", ["w"], "wt"), node("Mul", ["wt", "two"], "w2"), node("Relu", ["x"], "unused"),
                node("Identity", ["x"], "i"), node("MatMul", ["i", "w2"], "y"),
            ], row: [5], ["w": numbers.tensor([7, 5]), "two": Tensor(shape: [], repeating: 2)])
        #expect(operators == ["MatMul"])
    }

    /// A shape that is computed from the input's is known in each plan.
    @Test mutating func shapesAreKnownInAPlan() throws {
        let graph = Graph(
            name: "g",
            inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(2), .fixed(3)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])],
            nodes: [
                node("Shape", ["x"], "n", ["end": .int(1)]), node("Concat", ["n", "rest"], "s", ["axis": .int(0)]),
                node("Reshape", ["x", "s"], "y"),
            ], initializers: ["rest": try Tensor(shape: [1], elements: [-1] as [Int64])])
        let compiled = try CompiledGraph(graph)
        #expect(compiled.outputs[0].dimensions == [.batch, .fixed(6)])
        for batch in [1, 4] {
            let plan = try compiled.plan(inputShapes: [Shape([batch, 2, 3])])
            #expect(plan.outputShapes == [try Shape([batch, 6])])
        }
    }
}
