import JSONDocuments
import TensorEngine

extension KerasGraphBuilder {
    /// The activation that a layer applies to its result: the option `activation`, absent or null for none.
    mutating func activation(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        guard let cursor = try options(layer).cursor("activation") else { return input }
        return try activation(layer, input, cursor)
    }

    private mutating func activation(
        _ layer: KerasLayer, _ input: KerasValue, _ cursor: JSONCursor
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        if case .object = cursor.value {
            // A layer as activation, or a function in Keras 3's long form.
            let (className, config) = try options.read { () throws(JSONError) -> (String, JSONCursor) in
                (try cursor.member("class_name").string(), try cursor.member("config"))
            }
            if className == "function" { return try activation(layer, input, config) }
            let nested = KerasLayer(
                position: layer.position, name: layer.name, className: className, config: config, calls: layer.calls)
            switch className {
            case "ReLU": return try relu(nested, input)
            case "LeakyReLU": return try leakyRelu(nested, input)
            case "ELU": return try elu(nested, input)
            case "Softmax": return try softmax(nested, input)
            default: throw unsupported(className, options)
            }
        }
        let name = try options.read { () throws(JSONError) -> String in try cursor.string() }
        return try activation(named: name, layer, input)
    }

    private mutating func activation(
        named name: String, _ layer: KerasLayer, _ input: KerasValue
    ) throws(ModelFormatError) -> KerasValue {
        switch name {
        case "linear": return input
        case "relu": return elementwise("Relu", layer, input)
        case "relu6": return try clipped(layer, elementwise("Relu", layer, input), to: 6)
        case "sigmoid": return elementwise("Sigmoid", layer, input)
        case "tanh": return elementwise("Tanh", layer, input)
        case "elu": return elementwise("Elu", layer, input, ["alpha": .float(1)])
        case "selu": return elementwise("Selu", layer, input)
        case "gelu": return elementwise("Gelu", layer, input)
        case "softplus": return elementwise("Softplus", layer, input)
        case "softsign": return elementwise("Softsign", layer, input)
        case "exponential": return elementwise("Exp", layer, input)
        case "leaky_relu": return elementwise("LeakyRelu", layer, input, ["alpha": .float(0.2)])
        case "hard_sigmoid":
            // Keras 2: clip(0.2 x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6.
            let slope: Float = majorVersion >= 3 ? 1 / 6 : 0.2
            return elementwise("HardSigmoid", layer, input, ["alpha": .float(slope), "beta": .float(0.5)])
        case "silu", "swish":
            let gate = elementwise("Sigmoid", layer, input)
            var result = input
            result.name = emit("Mul", [input.name, gate.name], for: layer)
            return result
        case "softmax": return softmax(layer, input, axis: input.rank - 1)
        default: throw unsupported(name, options(layer))
        }
    }

    private func unsupported(_ activation: String, _ options: KerasOptions) -> ModelFormatError {
        options.failure(
            .unsupported,
            """
            activation '\(activation)' is not supported; supported are elu, exponential, gelu, hard_sigmoid, \
            leaky_relu, linear, relu, relu6, selu, sigmoid, silu, softmax, softplus, softsign, tanh
            """)
    }

    /// A function of every element alone, in whichever order the elements lie.
    private mutating func elementwise(
        _ operatorType: String, _ layer: KerasLayer, _ input: KerasValue, _ attributes: [String: AttributeValue] = [:]
    ) -> KerasValue {
        var result = input
        result.name = emit(operatorType, [input.name], attributes, for: layer)
        return result
    }

    private mutating func clipped(
        _ layer: KerasLayer, _ input: KerasValue, to maximum: Float
    ) throws(ModelFormatError) -> KerasValue {
        var result = input
        let bound = try literal([maximum], scalar: true, "maximum", of: layer)
        result.name = emit("Clip", [input.name, "", bound], for: layer)
        return result
    }

    /// The layer ReLU: `max_value` for x ≥ max_value, x for 0 ≤ x, `negative_slope` · x below.
    mutating func relu(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        if let threshold = try options.number("threshold"), threshold != 0 {
            throw options.failure(.unsupported, "threshold \(threshold); supported is 0")
        }
        let slope = try options.number("negative_slope") ?? 0
        let result =
            slope == 0
            ? elementwise("Relu", layer, input)
            : elementwise("LeakyRelu", layer, input, ["alpha": .float(Float(slope))])
        guard let maximum = try options.number("max_value") else { return result }
        guard maximum >= 0 else {
            throw options.failure(.malformed, "max_value: found \(maximum), expected at least 0")
        }
        return try clipped(layer, result, to: Float(maximum))
    }

    mutating func leakyRelu(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        // Keras 2 calls it alpha; both versions' default is 0.3.
        let alpha = try options.number("alpha")
        let slope = try options.number("negative_slope") ?? alpha ?? 0.3
        return elementwise("LeakyRelu", layer, input, ["alpha": .float(Float(slope))])
    }

    mutating func elu(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let alpha = try options(layer).number("alpha") ?? 1
        return elementwise("Elu", layer, input, ["alpha": .float(Float(alpha))])
    }

    mutating func softmax(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        guard input.mask == nil || layer.className != "Softmax" else {
            throw options(layer).failure(.unsupported, "a softmax of masked steps is not supported")
        }
        return softmax(layer, input, axis: try options(layer).axis("axis", rank: input.rank, default: -1))
    }

    private mutating func softmax(_ layer: KerasLayer, _ input: KerasValue, axis: Int) -> KerasValue {
        let name = emit("Softmax", [plain(input, for: layer)], ["axis": .int(axis)], for: layer)
        return KerasValue(name: name, dimensions: input.dimensions, mask: input.mask)
    }
}
