import TensorEngine
import Testing

@Suite("Gradients of recurrent layers")
struct RecurrentGradientTests {
    /// Five steps of three rows of two features, and four units.
    private static func layer(
        _ name: String, _ type: String, _ attributes: [String: AttributeValue] = [:], outputs: [Bool]? = nil,
        bias: Bool = true, initial: Bool = false, lengths: [Int32]? = nil, mask: [Float]? = nil
    ) -> LayerGradientCase {
        let gates = type == "RNN" ? 1 : type == "GRU" ? 3 : 4
        let isBoth = if case .string("bidirectional")? = attributes["direction"] { true } else { false }
        let isBatchFirst = if case .int(1)? = attributes["layout"] { true } else { false }
        let (steps, batch, features, units, directions) = (5, 3, 2, 4, isBoth ? 2 : 1)
        let state = isBatchFirst ? [batch, directions, units] : [directions, batch, units]
        var operands: [LayerGradientCase.Operand] = [
            .parameter(isBatchFirst ? [batch, steps, features] : [steps, batch, features]),
            .parameter([directions, gates * units, features]), .parameter([directions, gates * units, units]),
            bias ? .parameter([directions, 2 * gates * units]) : .omitted,
        ]
        operands.append(lengths.flatMap { try? Tensor(shape: [3], elements: $0) }.map { .constant($0) } ?? .omitted)
        operands.append(initial ? .parameter(state) : .omitted)
        if type == "LSTM" { operands += [initial ? .parameter(state) : .omitted, .omitted] }
        if let mask, let tensor = try? Tensor(shape: isBatchFirst ? [3, 5] : [5, 3], elements: mask) {
            operands.append(.constant(tensor))
        }
        return LayerGradientCase(
            name, mask == nil ? type : "Masked\(type)", operands, attributes,
            outputs: outputs ?? (type == "LSTM" ? [true, true, true] : [true, true]))
    }

    private static let mask: [Float] = [1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0]

    static let cases =
        ["RNN", "LSTM", "GRU"].flatMap { type in
            [
                layer("forward", type),
                layer("backward with states", type, ["direction": .string("reverse")], initial: true),
                layer(
                    "both ways, batch first", type, ["direction": .string("bidirectional"), "layout": .int(1)],
                    initial: true),
                layer("without biases", type, outputs: [true], bias: false),
                layer("the last state alone", type, outputs: type == "LSTM" ? [false, true] : [false, true]),
                layer(
                    "lengths", type, ["direction": .string("bidirectional")], initial: true, lengths: [5, 2, 3]),
                layer("masked", type, ["layout": .int(1), "zero_output": .int(0)], initial: true, mask: mask),
                layer(
                    "masked with zeros", type,
                    ["direction": .string("reverse"), "zero_output": .int(1), "hidden_size": .int(4)], mask: mask),
            ]
        } + [
            layer("of relu", "RNN", ["activations": .strings(["Relu"])]),
            layer("the cell state alone", "LSTM", outputs: [false, false, true]),
            layer("of other functions", "LSTM", ["activations": .strings(["Sigmoid", "relu", "Sigmoid"])]),
            layer("reset after", "GRU", ["linear_before_reset": .int(1)], initial: true),
            layer(
                "reset after, both ways", "GRU",
                ["linear_before_reset": .int(1), "direction": .string("bidirectional"), "layout": .int(1)],
                lengths: [1, 5, 4]),
            layer("reset after, masked", "GRU", ["linear_before_reset": .int(1), "layout": .int(1)], mask: mask),
            layer("of other functions", "GRU", ["activations": .strings(["Sigmoid", "Relu"])]),
        ]

    @Test("agree with differences", arguments: cases)
    func gradients(_ layer: LayerGradientCase) throws { try layer.check() }

    @Test("of layers beyond one tile and panel")
    func large() throws {
        for (type, gates) in [("RNN", 1), ("LSTM", 4), ("GRU", 3)] {
            let layer = LayerGradientCase(
                "large", type,
                [
                    .parameter([3, 14, 19]), .parameter([1, gates * 21, 19]), .parameter([1, gates * 21, 21]),
                    .parameter([1, 2 * gates * 21]),
                ])
            try layer.check(differences: 6)
        }
    }

    @Test("refuse what has none, by name")
    func refusals() throws {
        let cases: [(LayerGradientCase, String)] = [
            (Self.layer("", "RNN", ["activations": .strings(["Softsign"])]), "activation 'Softsign'"),
            (Self.layer("", "LSTM", ["clip": .float(3)]), "clip is 3.0"),
            (Self.layer("", "LSTM", ["input_forget": .int(1)]), "input_forget is 1"),
        ]
        for (layer, expected) in cases {
            #expect {
                try LayerGradientCheck(layer, .float32)
            } throws: {
                ($0 as? GraphError)?.description.contains(expected) ?? false
            }
        }
        var peepholes = Self.layer("", "LSTM", initial: true)
        peepholes.operands[7] = .parameter([1, 12])
        #expect {
            try LayerGradientCheck(peepholes, .float32)
        } throws: {
            ($0 as? GraphError)?.description.contains("has peepholes") ?? false
        }
    }

    @Test(
        "of operators on sequences",
        arguments: [
            LayerGradientCase("the steps", "ReverseAxis", [.parameter([2, 3, 2])], ["axis": .int(1)]),
            LayerGradientCase(
                "some steps", "MaskSteps",
                [
                    .parameter([2, 3, 2]),
                    .constant(
                        (try? Tensor(shape: [2, 3], elements: [1, 0, 1, 0, 0, 1] as [Float]))
                            ?? Tensor(zeros: .float32, shape: [2, 3])),
                ]),
        ])
    func sequences(_ layer: LayerGradientCase) throws { try layer.check() }
}
