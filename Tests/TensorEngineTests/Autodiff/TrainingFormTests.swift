import TensorEngine
import Testing

@Suite("Batch normalization and dropout while training")
struct TrainingFormTests {
    private static func ones(_ count: Int, _ value: Float = 1) -> Tensor {
        Tensor(.float32, shape: [count]) { _ = $0.initializeMemory(as: Float.self, repeating: value) }
    }

    private static func normalization(_ name: String, _ x: [Int], _ elementType: ElementType) throws
        -> LayerGradientCase
    {
        let channels = x[1]
        let (mean, variance) = (
            try LayerGradientCheck.cast(ones(channels, 0.5), elementType),
            try LayerGradientCheck.cast(ones(channels, 2), elementType)
        )
        return LayerGradientCase(
            name, "BatchNormalization",
            [.parameter(x), .parameter([channels]), .parameter([channels]), .constant(mean), .constant(variance)],
            ["epsilon": .float(1e-3), "momentum": .float(0.75)], isSameForward: false)
    }

    @Test(
        "gradients of batch normalization agree with differences",
        arguments: [
            [3, 2, 4, 3], [6, 5], [2, 3, 9], [2, 2, 2, 3, 2], [7, 33],
        ])
    func normalizationGradients(_ shape: [Int]) throws {
        let exact = try LayerGradientCheck(Self.normalization("", shape, .float64), .float64)
        let single = try LayerGradientCheck(Self.normalization("", shape, .float32), .float32)
        let (results, found) = (try exact.run(exact.values), try single.run(single.values))
        for (index, parameter) in exact.differentiated.parameters.enumerated() {
            let gradient = results[index + 1].doubles
            let scale = max(1, gradient.map(abs).max() ?? 1)
            let value = try #require(exact.values[parameter])
            for element in stride(from: 0, to: gradient.count, by: max(1, gradient.count / 40)) {
                let difference = try exact.difference(parameter, value, element)
                #expect(abs(difference - gradient[element]) < 1e-6 * scale)
            }
        }
        for (left, right) in zip(found, results) {
            let distances = zip(left.doubles, right.doubles).map { (a: Double, b: Double) in abs(a - b) / max(1, abs(b))
            }
            #expect((distances.max() ?? 1) < 1e-4)
        }
    }

    @Test("running statistics move by one minus momentum towards the batch's")
    func runningStatistics() throws {
        // Channel 0 has 1, 2, 3, 6: mean 3, population variance 3.5; channel 1 has 4, 4, 4, 4.
        let x: [Float] = [1, 2, 4, 4, 3, 6, 4, 4]
        let check = try LayerGradientCheck(Self.normalization("", [2, 2, 2], .float32), .float32)
        var values = check.values
        values["p0"] = try Tensor(shape: [2, 2, 2], elements: x)
        let states = check.differentiated.states
        #expect(states.map(\.initializer) == ["p3", "p4"])
        let outputs = check.differentiated.graph.outputs.map(\.name)
        let results = try check.run(values)
        func state(_ index: Int) throws -> [Float] {
            results[try #require(outputs.firstIndex(of: states[index].output))].floats
        }
        // 0.5 · 0.75 + 3 · 0.25 and 0.5 · 0.75 + 4 · 0.25; 2 · 0.75 + 3.5 · 0.25 and 2 · 0.75 + 0 · 0.25.
        let (means, variances): ([Float], [Float]) = ([1.125, 1.375], [2.375, 1.5])
        #expect(try state(0) == means)
        #expect(try state(1) == variances)
    }

    @Test("batch normalization gives each channel mean 0 and variance 1")
    func standardizes() throws {
        var graph = Graph(
            name: "", inputs: [], outputs: [],
            nodes: [
                Node(
                    name: "layer", operatorType: "BatchNormalization", inputs: ["x", "s", "b", "m", "v"],
                    outputs: ["y"], attributes: ["training_mode": .int(0)]),
                Node(name: "loss", operatorType: "Gemm", inputs: ["y", "f"], outputs: ["loss"], attributes: [:]),
                Node(name: "total", operatorType: "Gemm", inputs: ["g", "loss"], outputs: ["total"]),
            ])
        var numbers = Numbers(seed: 3)
        graph.initializers = [
            "x": numbers.tensor([50, 3]), "s": Self.ones(3), "b": Self.ones(3, 0), "m": Self.ones(3, 9),
            "v": Self.ones(3, 9), "f": numbers.tensor([3, 1]), "g": numbers.tensor([1, 50]),
        ]
        let differentiated = try Differentiation.differentiate(graph, loss: "total", parameters: ["x"], outputs: ["y"])
        let inputs = try differentiated.graph.inputs.map { try #require(graph.initializers[$0.name]) }
        let y = try CompiledGraph.run(differentiated.graph, inputs)[1].floats
        for channel in 0..<3 {
            let values = (0..<50).map { Double(y[$0 * 3 + channel]) }
            let mean = values.reduce(0, +) / 50
            let squares = values.map { ($0 - mean) * ($0 - mean) }
            #expect(abs(mean) < 1e-6)
            #expect(abs(squares.reduce(0, +) / 50 - 1) < 1e-3)
        }
    }

    // MARK: Dropout

    private static func dropout(_ count: Int, ratio: Float) throws -> LayerGradientCase {
        LayerGradientCase(
            "", "Dropout",
            [.parameter([count]), .constant(try Tensor(shape: [], elements: [ratio]))], isSameForward: false)
    }

    /// What is dropped of a vector of ones, whose loss's factors are the gradient without dropout.
    private func kept(_ count: Int, ratio: Float, seed: Int64, _ elementType: ElementType = .float32) throws -> [Double]
    {
        let layer = try Self.dropout(count, ratio: ratio)
        let check = try LayerGradientCheck(layer, elementType)
        let gradient = try check.run(check.values, seed: seed)[1].doubles
        let factors = try #require(check.graph.initializers["factors0"]).doubles
        return zip(gradient, factors).map { $0 / $1 }
    }

    @Test("a mask is a function of the seed")
    func seeds() throws {
        let first = try kept(1000, ratio: 0.3, seed: 5)
        #expect(try kept(1000, ratio: 0.3, seed: 5) == first)
        let other = try kept(1000, ratio: 0.3, seed: 6)
        let same = zip(first, other).count { ($0 == 0) == ($1 == 0) }
        // Independent masks agree at 0.3² + 0.7² of the places, 580 ± 16.
        #expect((500...660).contains(same))
        // Both element types drop the same.
        #expect(try kept(1000, ratio: 0.3, seed: 5, .float64).map { $0 == 0 } == first.map { $0 == 0 })
    }

    @Test("dropout keeps the mean", arguments: [0.1, 0.5, 0.8] as [Float])
    func mean(_ ratio: Float) throws {
        let values = try kept(20_000, ratio: ratio, seed: 11)
        let expected = 1 / (1 - Double(ratio))
        #expect(values.allSatisfy { $0 == 0 || abs($0 - expected) < 1e-5 })
        #expect(abs(values.reduce(0, +) / 20_000 - 1) < 0.05)
        #expect(abs(Double(values.count { $0 == 0 }) / 20_000 - Double(ratio)) < 0.02)
    }

    @Test("gradients of dropout agree with differences")
    func dropoutGradients() throws {
        let check = try LayerGradientCheck(try Self.dropout(30, ratio: 0.4), .float64)
        let gradient = try check.run(check.values)[1].doubles
        let value = try #require(check.values["p0"])
        for element in gradient.indices {
            #expect(abs(try check.difference("p0", value, element) - gradient[element]) < 1e-6)
        }
    }

    @Test("nodes of one graph drop differently, and refuse a ratio of 1")
    func streams() throws {
        var graph = Graph(
            name: "", inputs: [], outputs: [],
            nodes: [
                Node(name: "a", operatorType: "Dropout", inputs: ["x", "r"], outputs: ["ya"]),
                Node(name: "b", operatorType: "Dropout", inputs: ["x", "r"], outputs: ["yb"]),
                Node(name: "sum", operatorType: "Add", inputs: ["ya", "yb"], outputs: ["y"]),
                Node(name: "loss", operatorType: "Gemm", inputs: ["y", "f"], outputs: ["loss"]),
            ])
        graph.initializers = [
            "x": try Self.ones(64).reshaped(to: [1, 64]), "r": try Tensor(shape: [], elements: [0.5] as [Float]),
            "f": try Self.ones(64).reshaped(to: [64, 1]),
        ]
        let differentiated = try Differentiation.differentiate(
            graph, loss: "loss", parameters: ["x"], outputs: ["ya", "yb"])
        let inputs = try differentiated.graph.inputs.map { input in
            try graph.initializers[input.name] ?? Tensor(shape: [], elements: [3 as Int64])
        }
        let results = try CompiledGraph.run(differentiated.graph, inputs)
        #expect(results[1].floats != results[2].floats)
        graph.initializers["r"] = try Tensor(shape: [], elements: [1] as [Float])
        #expect(throws: GraphError.self) {
            try Differentiation.differentiate(graph, loss: "loss", parameters: ["x"])
        }
    }
}
