import Foundation
import TensorEngine
import Testing

/// The operators of transformers against float64.
@Suite struct TransformerOperatorTests {
    private static func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }

    private static func approximateGelu(_ x: Double) -> Double {
        let argument = (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1 + tanh(argument))
    }

    @Test(arguments: InstructionSet.available) func geluStaysWithinItsBound(_ set: InstructionSet) throws {
        let inputs: [Float] = (0...120_000).map { -8 + Float($0) * 16 / 120_000 }
        let x = try Tensor(shape: Shape([1, inputs.count]), elements: inputs)
        for form in ["none", "tanh"] {
            let graph = Graph.single(
                "Gelu", input: [.batch, .fixed(inputs.count)], attributes: ["approximate": .string(form)], opset: 20)
            let outputs = try CompiledGraph.run(graph, [x], options: .init(set))[0].floats
            var worst = (excess: 0.0, input: Float(0))
            for (x, y) in zip(inputs, outputs) {
                let z = Double(x)
                let exact = form == "none" ? Self.gelu(z) : Self.approximateGelu(z)
                // The tanh form loses digits below -1, in its definition already: there its absolute error is bounded.
                var bound = 12 * Double(Float(exact).ulp)
                if x < -1 { bound = form == "none" ? abs(exact) * 4e-7 * (4 + z * z) : 4e-7 }
                let excess = abs(Double(y) - exact) / (bound + 1e-37)
                if excess > worst.excess { worst = (excess, x) }
            }
            #expect(worst.excess <= 1, "\(form): \(worst.excess) times the bound at \(worst.input)")
        }
        let special: [Float] = [.infinity, 0, -200, 200]
        let graph = Graph.single("Gelu", input: [.batch], opset: 20)
        #expect(
            try CompiledGraph.run(graph, [Tensor(shape: [4], elements: special)])[0].floats == [.infinity, 0, 0, 200])
        #expect(try CompiledGraph.run(graph, [Tensor(shape: [1], elements: [Float.nan])])[0].floats[0].isNaN)
    }

    @Test(arguments: [1, 3, 16, 31, 384]) func layerNormalization(_ width: Int) throws {
        var numbers = Numbers(seed: 5)
        let (scale, shift) = (numbers.tensor(try Shape([width])), numbers.tensor(try Shape([width])))
        let (x, residual) = (numbers.tensor(try Shape([3, width])), numbers.tensor(try Shape([3, width])))
        for skips in [false, true] {
            let graph = Graph.single(
                skips ? "SkipLayerNormalization" : "LayerNormalization", input: [.fixed(3), .fixed(width)],
                constants: (skips ? [residual] : []) + [scale, shift], attributes: ["epsilon": .float(1e-5)])
            let found = try CompiledGraph.run(graph, [x])[0].floats
            for row in 0..<3 {
                var values: [Double] = []
                for index in row * width..<(row + 1) * width {
                    values.append(Double(x.floats[index]) + (skips ? Double(residual.floats[index]) : 0))
                }
                let mean = values.reduce(0, +) / Double(width)
                var variance = 0.0
                for value in values { variance += (value - mean) * (value - mean) / Double(width) }
                for column in 0..<width {
                    let centred = (values[column] - mean) / (variance + 1e-5).squareRoot()
                    let exact = centred * Double(scale.floats[column]) + Double(shift.floats[column])
                    #expect(abs(Double(found[row * width + column]) - exact) < 2e-5)
                }
            }
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var queries: Int
        var causal: Bool
        var masked: Bool
        var packed: Bool
        var testDescription: String { "\(queries) queries, causal \(causal), masked \(masked), packed \(packed)" }
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        for queries in [1, 2, 3, 17, 40] {
            cases.append(Case(queries: queries, causal: false, masked: false, packed: true))
            cases.append(Case(queries: queries, causal: true, masked: false, packed: true))
            cases.append(Case(queries: queries, causal: false, masked: true, packed: false))
            cases.append(Case(queries: queries, causal: true, masked: true, packed: true))
            cases.append(Case(queries: queries, causal: true, masked: false, packed: false))
        }
        return cases
    }()

    /// Softmax(QKᵀ / √d) V in float64, for two rows and three heads of five columns.
    @Test(arguments: cases) func attention(_ item: Case) throws {
        let (heads, depth, batch, tokens) = (3, 5, 2, item.queries)
        let width = heads * depth
        var numbers = Numbers(seed: 9)
        let whole = numbers.tensor(try Shape([batch, tokens, 3 * width]))
        let values = whole.floats
        func part(_ index: Int) throws -> Tensor {
            var elements: [Float] = []
            for row in 0..<batch * tokens {
                let start = row * 3 * width + index * width
                elements += values[start..<start + width]
            }
            return try Tensor(shape: Shape([batch, tokens, width]), elements: elements)
        }
        var visible = [Int64](repeating: 1, count: batch * tokens)
        if item.masked { for index in stride(from: 1, to: visible.count, by: 3) { visible[index] = 0 } }
        let inputs = item.packed ? [whole] : [try part(0), try part(1), try part(2)]
        var names = item.packed ? ["q", "", ""] : ["q", "k", "v"]
        var graph = Graph(
            name: "attention", inputs: [], outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])],
            nodes: [])
        for (name, tensor) in zip(["q", "k", "v"], inputs) {
            graph.inputs.append(
                ValueInfo(
                    name: name, elementType: .float32, dimensions: tensor.shape.dimensions.map { Dimension.fixed($0) }))
        }
        if item.masked {
            names.append("mask")
            graph.initializers["mask"] = try Tensor(shape: Shape([batch, tokens]), elements: visible)
        }
        graph.nodes = [
            Node(
                name: "node", operatorType: "ScaledDotProductAttention", inputs: names, outputs: ["y"],
                attributes: ["heads": .int(heads), "causal": .int(item.causal ? 1 : 0)])
        ]
        let found = try CompiledGraph.run(graph, inputs)[0].floats
        for row in 0..<batch * heads * tokens {
            let (b, h, i) = (row / (heads * tokens), row / tokens % heads, row % tokens)
            func value(_ part: Int, _ token: Int, _ d: Int) -> Double {
                let start = ((b * tokens + token) * 3 + part) * width
                return Double(values[start + h * depth + d])
            }
            var exact = [Double](repeating: 0, count: depth)
            var sum = 0.0
            for key in 0..<tokens {
                if item.causal && key > i || visible[b * tokens + key] == 0 { continue }
                var dot = 0.0
                for d in 0..<depth { dot += value(0, i, d) * value(1, key, d) }
                let weight = exp(dot / Double(depth).squareRoot())
                sum += weight
                for d in 0..<depth { exact[d] += weight * value(2, key, d) }
            }
            for d in 0..<depth {
                let expected = sum == 0 ? 0 : exact[d] / sum
                let result = Double(found[(b * tokens + i) * width + h * depth + d])
                #expect(abs(result - expected) < 2e-6)
            }
        }
    }

    @Test func mistakesNameTheNode() throws {
        let weights = Tensor(zeros: .float32, shape: [4, 6])
        let cases: [(Graph, Shape, String)] = [
            (.single("Linear", input: [.batch, .fixed(5)], constants: [weights]), [1, 5], "last extent of 6"),
            (
                .single(
                    "Linear", input: [.batch, .fixed(6)], constants: [weights], attributes: ["activation": .string("x")]
                ),
                [1, 6], "activation 'x'"
            ),
            (
                .single("LayerNormalization", input: [.batch, .fixed(5)], constants: [weights]), [1, 5],
                "has shape [4, 6], which does not fit"
            ),
            (
                .single(
                    "ScaledDotProductAttention", input: [.batch, .fixed(2), .fixed(7)], attributes: ["heads": .int(2)]),
                [1, 2, 7], "heads"
            ),
        ]
        for (graph, shape, mention) in cases {
            let error = #expect(throws: GraphError.self) {
                try CompiledGraph.run(graph, [Tensor(zeros: .float32, shape: shape)])
            }
            #expect(error?.node == "node")
            #expect(error?.message.contains(mention) == true, "\(String(describing: error))")
        }
    }
}
