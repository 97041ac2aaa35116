import Foundation
import TensorEngine
import Testing

/// The operators of transformers against float64.
@Suite struct TransformerOperatorTests {
    @Test(arguments: InstructionSet.available) func geluStaysWithinItsBound(_ set: InstructionSet) throws {
        let inputs = (0...120_000).map { -8 + Float($0) * 16 / 120_000 }
        let shape = try Shape([1, inputs.count])
        let x = try Tensor(shape: shape, elements: inputs)
        for form in ["none", "tanh"] {
            let graph = Graph.single(
                "Gelu", input: [.batch, .fixed(inputs.count)], attributes: ["approximate": .string(form)], opset: 20)
            let outputs = try CompiledGraph.run(graph, [x], options: .init(set))[0].floats
            for (x, y) in zip(inputs, outputs) {
                let z = Double(x)
                let exact =
                    form == "none"
                    ? z * 0.5 * erfc(-z / 2.0.squareRoot())
                    : 0.5 * z * (1 + tanh((2 / Double.pi).squareRoot() * (z + 0.044715 * z * z * z)))
                // The tanh form subtracts, here as in float64: only its absolute error is bounded below -1.
                let bound =
                    x >= -1 ? 12 * Double(Float(exact).ulp) : form == "none" ? abs(exact) * 4e-7 * (4 + z * z) : 4e-7
                #expect(abs(Double(y) - exact) <= bound + 1e-37, "\(form) at \(x): \(y), expected \(exact)")
                if abs(Double(y) - exact) > bound + 1e-37 { return }
            }
        }
        let special: [Float] = [.infinity, 0, -200, 200]
        let graph = Graph.single("Gelu", input: [.batch], opset: 20)
        #expect(
            try CompiledGraph.run(graph, [Tensor(shape: [4], elements: special)])[0].floats == [.infinity, 0, 0, 200])
        #expect(try CompiledGraph.run(graph, [Tensor(shape: [1], elements: [Float.nan])])[0].floats[0].isNaN)
    }

    @Test(arguments: [1, 3, 16, 31, 384]) func layerNormalization(_ width: Int) throws {
        var numbers = Numbers(seed: 5)
        let (scale, shift) = (try numbers.tensor(Shape([width])), try numbers.tensor(Shape([width])))
        let (x, residual) = (try numbers.tensor(Shape([3, width])), try numbers.tensor(Shape([3, width])))
        for skips in [false, true] {
            let graph = Graph.single(
                skips ? "SkipLayerNormalization" : "LayerNormalization", input: [.batch, .fixed(width)],
                constants: (skips ? [residual] : []) + [scale, shift], attributes: ["epsilon": .float(1e-5)])
            let found = try CompiledGraph.run(graph, [x])[0].floats
            for row in 0..<3 {
                let values = (0..<width).map { column in
                    Double(x.floats[row * width + column]) + (skips ? Double(residual.floats[row * width + column]) : 0)
                }
                let mean = values.reduce(0, +) / Double(width)
                let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
                for column in 0..<width {
                    let exact =
                        (values[column] - mean) / (variance + 1e-5).squareRoot() * Double(scale.floats[column])
                        + Double(shift.floats[column])
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

    static let cases = [1, 2, 3, 17, 40].flatMap { queries in
        [(false, false, true), (true, false, true), (false, true, false), (true, true, true), (true, false, false)].map
        {
            Case(queries: queries, causal: $0, masked: $1, packed: $2)
        }
    }

    /// Softmax(QKᵀ / √d) V in float64, for two rows and three heads of five columns.
    @Test(arguments: cases) func attention(_ item: Case) throws {
        let (heads, depth, batch, tokens) = (3, 5, 2, item.queries)
        let width = heads * depth
        var numbers = Numbers(seed: 9)
        let whole = try numbers.tensor(Shape([batch, tokens, 3 * width]))
        let part = { (index: Int) throws -> Tensor in
            let elements = (0..<batch * tokens).flatMap { row in
                whole.floats[(row * 3 * width + index * width)..<(row * 3 * width + (index + 1) * width)]
            }
            return try Tensor(shape: Shape([batch, tokens, width]), elements: Array(elements))
        }
        let visible = (0..<batch * tokens).map { item.masked && $0 % 3 == 1 ? 0 : 1 as Int64 }
        let inputs = item.packed ? [whole] : try (0..<3).map(part)
        var names = item.packed ? ["q", "", ""] : ["q", "k", "v"]
        var graph = Graph(
            name: "attention",
            inputs: zip(["q", "k", "v"], inputs).map { name, tensor in
                ValueInfo(
                    name: name, elementType: .float32,
                    dimensions: [.batch, .symbolic("tokens"), .fixed(tensor.shape[2])])
            }, outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])], nodes: [])
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
        for b in 0..<batch {
            for h in 0..<heads {
                for i in 0..<tokens {
                    func value(_ part: Int, _ token: Int, _ d: Int) -> Double {
                        Double(whole.floats[((b * tokens + token) * 3 + part) * width + h * depth + d])
                    }
                    let keys = (0..<tokens).filter { (!item.causal || $0 <= i) && visible[b * tokens + $0] != 0 }
                    let scores = keys.map { key in
                        exp(
                            (0..<depth).reduce(0) { $0 + value(0, i, $1) * value(1, key, $1) }
                                / Double(depth).squareRoot())
                    }
                    let sum = scores.reduce(0, +)
                    for d in 0..<depth {
                        let exact =
                            keys.isEmpty ? 0 : zip(keys, scores).reduce(0) { $0 + $1.1 * value(2, $1.0, d) } / sum
                        #expect(abs(Double(found[(b * tokens + i) * width + h * depth + d]) - exact) < 2e-6)
                    }
                }
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
                "expected 5 elements"
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
