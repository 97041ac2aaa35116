import JSONDocuments
import TensorEngine

/// What a recurrent layer leaves: its outputs at every step (or the last), its states, and its mask.
struct KerasSequence {
    var output: KerasValue
    var states: [KerasValue]
}

extension KerasGraphBuilder {
    /// SimpleRNN, GRU, LSTM.
    mutating func recurrent(_ layer: KerasLayer, _ inputs: [KerasValue]) throws(ModelFormatError) -> [KerasValue] {
        let states = Array(inputs.dropFirst()) + (keywords["initial_state"] ?? [])
        let input = try one(Array(inputs.prefix(1)), layer)
        let zeroes = try options(layer).bool("zero_output_for_mask", default: false)
        var sequence = try recurrent(layer, input, states: states, zeroesMaskedSteps: zeroes)
        let options = options(layer)
        if try options.bool("go_backwards", default: false), try options.bool("return_sequences", default: false) {
            // Keras gives the outputs in the order in which it computed them.
            sequence.output.name = emit("ReverseAxis", [sequence.output.name], ["axis": .int(1)], for: layer)
        }
        return [sequence.output] + (try options.bool("return_state", default: false) ? sequence.states : [])
    }

    /// The layer with its outputs in the order of time.
    /// - Parameter states: initial ones, or none.
    mutating func recurrent(
        _ layer: KerasLayer, _ input: KerasValue, states: [KerasValue], zeroesMaskedSteps: Bool
    ) throws(ModelFormatError) -> KerasSequence {
        let options = options(layer)
        for option in ["stateful", "time_major"] where try options.bool(option, default: false) {
            throw options.failure(.unsupported, "the option '\(option)' is not supported: every request stands alone")
        }
        let cell = try KerasCell(options, majorVersion: majorVersion)
        guard input.rank == 3, let features = input.dimensions[2] else {
            throw options.failure(
                .mismatch, "found an input of shape \(input.shapeText), expected [batch, steps, features]")
        }
        let units = cell.units
        let weights = weights
        let scope = layer.scope.part("", "cell")
        let kernel = try constant("W", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight(
                "kernel", of: layer, index: 0, scope: scope, shape: [features, cell.gates * units])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([1, 0]).blocks(cell.order).reshaped(to: Shape([1, cell.gates * units, features]))
            }
        }
        let recurrent = try constant("R", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight(
                "recurrent_kernel", of: layer, index: 1, scope: scope, shape: [units, cell.gates * units])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([1, 0]).blocks(cell.order).reshaped(to: Shape([1, cell.gates * units, units]))
            }
        }
        var operands = [plain(input, for: layer), kernel, recurrent, ""]
        if try options.bool("use_bias", default: true) {
            operands[3] = try constant("B", of: layer) { () throws(ModelFormatError) -> Tensor in
                let rows = cell.gates * units
                let bias = try weights.weight(
                    "bias", of: layer, index: 2, scope: scope, shape: cell.hasTwoBiases ? [2, rows] : [rows])
                return try options.tensor { () throws(TensorError) -> Tensor in
                    let shape = try Shape([1, 2 * rows])
                    if cell.hasTwoBiases { return try bias.reshaped(to: shape) }
                    let ordered = bias.blocks(cell.order)
                    return weights.areMade
                        ? try ordered.reshaped(to: Shape([1, rows])) : ordered.followed(byZeros: rows, shape: shape)
                }
            }
            // The zeros of the bias that Keras does not have are no weights.
            if weights.areMade, !cell.hasTwoBiases {
                operands[3] = try pad(operands[3], [0, 0, 0, cell.gates * units], layer)
            }
        }
        guard states.isEmpty || states.count == cell.stateCount else {
            throw options.failure(.malformed, "found \(states.count) initial states, expected \(cell.stateCount)")
        }
        let returnsSequences = try options.bool("return_sequences", default: false)
        if zeroesMaskedSteps, input.mask != nil, !returnsSequences {
            throw options.failure(
                .unsupported, "the option 'zero_output_for_mask' without 'return_sequences' is not supported")
        }
        operands.append("")
        for index in 0..<cell.stateCount {
            guard index < states.count else {
                operands.append("")
                continue
            }
            guard states[index].dimensions == [nil, units] else {
                throw options.failure(
                    .mismatch, "an initial state of shape \(states[index].shapeText), expected [batch, \(units)]")
            }
            operands.append(try reshape(states[index].name, [0, 1, units], layer))
        }
        var attributes = cell.attributes
        attributes["layout"] = .int(1)
        attributes["hidden_size"] = .int(units)
        if try options.bool("go_backwards", default: false) { attributes["direction"] = .string("reverse") }
        var type = cell.operatorType
        if let mask = input.mask {
            type = "Masked\(type)"
            if cell.operatorType == "LSTM" { operands.append("") }
            operands.append(mask)
            attributes["zero_output"] = .int(zeroesMaskedSteps ? 1 : 0)
        } else {
            while operands.last == "" { operands.removeLast() }
        }
        let results = emit(
            type, operands, attributes, outputs: 1 + cell.stateCount, omitsFirst: !returnsSequences, for: layer)
        var last: [KerasValue] = []
        for name in results.dropFirst() {
            last.append(KerasValue(name: try reshape(name, [0, units], layer), dimensions: [nil, units]))
        }
        guard returnsSequences else { return KerasSequence(output: last[0], states: last) }
        let sequence = KerasValue(
            name: try reshape(results[0], [0, 0, units], layer), dimensions: [nil, input.dimensions[1], units],
            mask: input.mask)
        return KerasSequence(output: sequence, states: last)
    }

    /// The same elements as `shape`, where 0 copies an extent and -1 takes the rest (ONNX Reshape).
    mutating func reshape(
        _ name: String, _ shape: [Int], _ layer: KerasLayer
    ) throws(ModelFormatError) -> String {
        emit("Reshape", [name, try literal(shape.map { Int64($0) }, "shape", of: layer)], for: layer)
    }
}

/// The options of a recurrent layer, in ONNX's terms.
struct KerasCell {
    let operatorType: String
    let units: Int
    let gates: Int
    /// ONNX's gates in Keras's order.
    let order: [Int]
    let stateCount: Int
    /// GRU with `reset_after` has a bias for each product.
    let hasTwoBiases: Bool
    let attributes: [String: AttributeValue]

    init(_ options: KerasOptions, majorVersion: Int) throws(ModelFormatError) {
        units = try options.extent(try options.required("units"))
        let activation = try Self.function(options, "activation", default: "tanh", majorVersion)
        var functions = [activation]
        var attributes: [String: AttributeValue] = [:]
        switch options.layer.className {
        case "LSTM":
            (operatorType, gates, order, stateCount, hasTwoBiases) = ("LSTM", 4, [0, 3, 1, 2], 2, false)
            let gate = try Self.function(options, "recurrent_activation", default: "sigmoid", majorVersion)
            functions = [gate, activation, activation]
        case "GRU":
            let resetsAfter = try options.bool("reset_after", default: majorVersion > 1)
            hasTwoBiases = resetsAfter
            (operatorType, gates, order, stateCount) = ("GRU", 3, [0, 1, 2], 1)
            let gate = try Self.function(options, "recurrent_activation", default: "sigmoid", majorVersion)
            functions = [gate, activation]
            attributes["linear_before_reset"] = .int(resetsAfter ? 1 : 0)
        case "SimpleRNN":
            (operatorType, gates, order, stateCount, hasTwoBiases) = ("RNN", 1, [0], 1, false)
        case let other:
            throw options.failure(.unsupported, "'\(other)' is not one of GRU, LSTM, SimpleRNN")
        }
        attributes["activations"] = .strings(functions.map(\.name))
        let alphas = functions.compactMap(\.alpha)
        let betas = functions.compactMap(\.beta)
        if !alphas.isEmpty { attributes["activation_alpha"] = .floats(alphas) }
        if !betas.isEmpty { attributes["activation_beta"] = .floats(betas) }
        self.attributes = attributes
    }

    private typealias Function = (name: String, alpha: Float?, beta: Float?)

    private static func function(
        _ options: KerasOptions, _ key: String, default fallback: String, _ majorVersion: Int
    ) throws(ModelFormatError) -> Function {
        var name = "linear"
        if let cursor = try options.cursor(key) {
            name = try options.read { () throws(JSONError) -> String in
                guard case .object = cursor.value else { return try cursor.string() }
                guard try cursor.member("class_name").string() == "function" else {
                    throw cursor.failure("a layer as activation of a recurrent layer is not supported")
                }
                return try cursor.member("config").string()
            }
        } else if case .object(let members) = options.layer.config.value, members[key] == nil {
            name = fallback
        }
        switch name {
        case "linear": return ("Affine", 1, 0)
        case "tanh": return ("Tanh", nil, nil)
        case "sigmoid": return ("Sigmoid", nil, nil)
        case "relu": return ("Relu", nil, nil)
        case "elu": return ("Elu", 1, nil)
        case "softsign": return ("Softsign", nil, nil)
        case "softplus": return ("Softplus", nil, nil)
        case "leaky_relu": return ("LeakyRelu", 0.2, nil)
        // Keras 2: clip(0.2 x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6.
        case "hard_sigmoid": return ("HardSigmoid", majorVersion >= 3 ? 1 / 6 : 0.2, 0.5)
        default:
            throw options.failure(
                .unsupported,
                """
                \(key) '\(name)' is not supported in a recurrent layer; supported are elu, hard_sigmoid, leaky_relu, \
                linear, relu, sigmoid, softplus, softsign, tanh
                """)
        }
    }
}
