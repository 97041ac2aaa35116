import Testing

@testable import TensorEngine

/// Products with 8-bit weights.
@Suite struct DynamicQuantizationTests {
    /// `y = relu(x · W + b)` with `k` inputs and `n` outputs.
    private func graph(k: Int, n: Int, transposed: Bool, relu: Bool = true) throws -> Graph {
        var numbers = Numbers(seed: UInt64(k * 1000 + n))
        var weights = numbers.tensor(try Shape(transposed ? [n, k] : [k, n]))
        // One output without weights.
        weights.withMutableBytes { bytes in
            let floats = bytes.bindMemory(to: Float.self)
            for index in 0..<k { floats[transposed ? index : index * n] = 0 }
        }
        var nodes = [
            Node(
                name: "dense", operatorType: "Gemm", inputs: ["x", "w", "b"], outputs: [relu ? "z" : "y"],
                attributes: ["transB": .int(transposed ? 1 : 0), "alpha": .float(0.5)])
        ]
        if relu { nodes.append(Node(name: "relu", operatorType: "Relu", inputs: ["z"], outputs: ["y"])) }
        return Graph(
            name: "dense", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(k)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])], nodes: nodes,
            initializers: ["w": weights, "b": numbers.tensor(try Shape([n]))])
    }

    /// What the operator is defined to compute, number by number.
    private func reference(_ graph: Graph, _ x: [Float], k: Int, n: Int) throws -> [UInt32] {
        let weights = try #require(graph.initializers["w/int8"]).elements(as: Int8.self)
        let scales = try #require(graph.initializers["w/scale"]).elements(as: Float.self)
        let bias = try #require(graph.initializers["dense/bias"]).elements(as: Float.self)
        return (0..<x.count / k).flatMap { row -> [UInt32] in
            let values = x[row * k..<(row + 1) * k]
            let largest = values.reduce(0) { max($0, abs($1)) }
            let integers = values.map { Int32(($0 * (127 / largest)).rounded(.toNearestOrEven)) }
            return (0..<n).map { column -> UInt32 in
                var sum: Int32 = 0
                for index in 0..<k { sum += integers[index] * Int32(weights[column * k + index]) }
                let value = Float(sum) * (scales[column] * (largest / 127)) + bias[column]
                return (value < 0 ? 0 : value).bitPattern
            }
        }
    }

    @Test(arguments: InstructionSet.available) func givesTheDefinedBits(_ set: InstructionSet) throws {
        for (k, n, transposed) in [(33, 47, false), (64, 128, true), (200, 17, true), (1025, 3, false)] {
            let quantization = try DynamicQuantization(try graph(k: k, n: n, transposed: transposed))
            #expect(quantization.layers.map(\.reason) == [nil])
            #expect(quantization.graph.initializers["w"] == nil)
            let compiled = try CompiledGraph(quantization.graph, options: .init(set))
            #expect(compiled.operatorTypes == ["DynamicQuantizeMatMul"])
            for rows in [1, 2, 3, 5, 70] {
                var numbers = Numbers(seed: UInt64(rows))
                let x = numbers.tensor(try Shape([rows, k]))
                let y = try compiled.run([x], on: ExecutionContext())[0]
                let expected = try reference(quantization.graph, x.floats, k: k, n: n)
                #expect(y.bits == expected)
            }
        }
    }

    /// Close to the product of the original weights: both roundings are of one part in 254.
    @Test func staysCloseToTheOriginal() throws {
        let original = try graph(k: 256, n: 64, transposed: true)
        let quantized = try DynamicQuantization(original).graph
        var numbers = Numbers(seed: 5)
        let x = numbers.tensor([32, 256])
        let expected = try CompiledGraph.run(original, [x])[0].floats
        let found = try CompiledGraph.run(quantized, [x])[0].floats
        let worst = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(worst > 0 && worst < 0.06)
    }

    @Test(arguments: InstructionSet.available) func specialRowsStayAlone(_ set: InstructionSet) throws {
        let quantized = try DynamicQuantization(try graph(k: 40, n: 30, transposed: true, relu: false)).graph
        let compiled = try CompiledGraph(quantized, options: .init(set))
        var numbers = Numbers(seed: 6)
        var values = numbers.tensor([5, 40]).floats
        values[40 + 3] = .nan
        values[80 + 7] = -.infinity
        for index in 120..<160 { values[index] = 0 }
        let y = try compiled.run([try Tensor(shape: [5, 40], elements: values)], on: ExecutionContext())[0].floats
        let bias = try #require(quantized.initializers["dense/bias"]).floats
        #expect(y[30..<90].allSatisfy { $0.isNaN })
        #expect(Array(y[90..<120]) == bias)
        #expect(y[..<30].allSatisfy { $0.isFinite } && y[120...].allSatisfy { $0.isFinite })
    }

    /// Weights that something else reads stay, and layers with the same weights share the new ones.
    @Test func sharedWeightsStay() throws {
        var numbers = Numbers(seed: 7)
        let graph = Graph(
            name: "tied", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(40)])],
            outputs: ["a", "b", "c"].map { ValueInfo(name: $0, elementType: .float32, dimensions: []) },
            nodes: [
                Node(name: "first", operatorType: "MatMul", inputs: ["x", "w"], outputs: ["a"]),
                Node(name: "second", operatorType: "MatMul", inputs: ["x", "w"], outputs: ["b"]),
                Node(name: "copy", operatorType: "Add", inputs: ["w", "one"], outputs: ["c"]),
                Node(name: "small", operatorType: "MatMul", inputs: ["x", "s"], outputs: ["d"]),
            ],
            initializers: [
                "w": numbers.tensor([40, 40]), "s": numbers.tensor([40, 2]), "one": numbers.tensor([1]),
                "unread": numbers.tensor([3]),
            ])
        let quantization = try DynamicQuantization(graph)
        #expect(
            Set(quantization.graph.initializers.keys) == ["w", "s", "one", "unread", "w/int8", "w/scale"])
        #expect(quantization.layers.map(\.node) == ["first", "second", "small"])
        #expect(quantization.layers[2].reason == "fewer than 1024 weights")
        let x = numbers.tensor([3, 40])
        let outputs = try CompiledGraph.run(quantization.graph, [x])
        #expect(outputs[0].bits == outputs[1].bits)
    }

    @Test func wrongOperandsAreNamed() throws {
        let quantized = try DynamicQuantization(try graph(k: 64, n: 32, transposed: true, relu: false)).graph
        var wrong = quantized
        wrong.initializers["w/scale"] = try Tensor(shape: [2], elements: [1, 1] as [Float])
        let error = #expect(throws: GraphError.self) { try CompiledGraph(wrong) }
        #expect(error?.description.contains("scales has shape [2], expected [32]") == true)
    }
}
