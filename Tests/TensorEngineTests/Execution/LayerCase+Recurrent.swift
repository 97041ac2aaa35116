import TensorEngine

extension LayerCase {
    /// Recurrent layers with the batch first, of sizes around tiles and panels.
    static func recurrent(_ numbers: inout Numbers) -> [LayerCase] {
        func weights(_ gates: Int, _ input: Int, _ hidden: Int, _ directions: Int) -> [Tensor] {
            [
                numbers.tensor([directions, gates * hidden, input]),
                numbers.tensor([directions, gates * hidden, hidden]),
                numbers.tensor([directions, 2 * gates * hidden]),
            ]
        }
        func layer(
            _ type: String, _ gates: Int, _ row: [Int], _ hidden: Int, _ attributes: [String: AttributeValue] = [:]
        ) -> LayerCase {
            var attributes = attributes
            attributes["layout"] = .int(1)
            let isBoth = if case .string("bidirectional")? = attributes["direction"] { true } else { false }
            return LayerCase.layer(
                "\(type) \(row) \(attributes.keys.sorted())", type, row,
                weights(gates, row[1], hidden, isBoth ? 2 : 1), attributes, isLarge: true)
        }
        return [
            layer("RNN", 1, [5, 3], 7),
            layer("RNN", 1, [9, 4], 33, ["direction": .string("reverse"), "activations": .strings(["Softplus"])]),
            layer("LSTM", 4, [6, 3], 5),
            layer("LSTM", 4, [20, 17], 31, ["direction": .string("bidirectional")]),
            layer("LSTM", 4, [4, 3], 9, ["clip": .float(0.5), "input_forget": .int(1)]),
            layer("GRU", 3, [6, 3], 5),
            layer("GRU", 3, [7, 9], 22, ["linear_before_reset": .int(1), "direction": .string("bidirectional")]),
        ]
    }
}
