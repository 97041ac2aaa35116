import TensorEngine

/// Collects the nodes of a transformer; values, nodes and constants are named after the weights.
struct TransformerBuilder {
    let weights: HuggingFaceWeights
    private(set) var nodes: [Node] = []
    private(set) var constants: [String: Tensor] = [:]

    init(_ weights: HuggingFaceWeights) { self.weights = weights }

    /// Adds a node with one output of its own name.
    mutating func emit(
        _ operatorType: String, _ inputs: [String], _ attributes: [String: AttributeValue] = [:], name: String
    ) -> String {
        nodes.append(
            Node(name: name, operatorType: operatorType, inputs: inputs, outputs: [name], attributes: attributes))
        return name
    }

    mutating func weight(_ name: String, _ dimensions: [Int]) throws(ModelFormatError) -> String {
        if constants[name] == nil { constants[name] = try weights.tensor(name, dimensions) }
        return name
    }

    mutating func constant(_ name: String, _ tensor: Tensor) -> String {
        constants[name] = tensor
        return name
    }

    /// - Parameter isTransposed: whether the weights are `[outputs, inputs]`, PyTorch's order.
    mutating func linear(
        _ value: String, _ prefix: String, inputs: Int, outputs: Int, activation: String = "none",
        isTransposed: Bool = true, bias: String? = nil
    ) throws(ModelFormatError) -> String {
        let matrix = try weight("\(prefix).weight", isTransposed ? [outputs, inputs] : [inputs, outputs])
        let vector = try weight(bias ?? "\(prefix).bias", [outputs])
        return emit(
            "Linear", [value, matrix, vector],
            ["activation": .string(activation), "transposed": .int(isTransposed ? 1 : 0)], name: "\(prefix).output")
    }

    /// Of `value`, or of its sum with `residual`. Old files call the weights gamma and beta.
    mutating func layerNorm(
        _ value: String, residual: String? = nil, _ prefix: String, width: Int, epsilon: Float
    ) throws(ModelFormatError) -> String {
        let isOld = weights.has("\(prefix).gamma")
        let scale = try weight("\(prefix).\(isOld ? "gamma" : "weight")", [width])
        let shift = try weight("\(prefix).\(isOld ? "beta" : "bias")", [width])
        let values = residual.map { [value, $0] } ?? [value]
        return emit(
            residual == nil ? "LayerNormalization" : "SkipLayerNormalization", values + [scale, shift],
            ["epsilon": .float(epsilon)], name: "\(prefix).output")
    }

    /// The graph whose outputs are the values under other names.
    func graph(
        name: String, inputs: [ValueInfo], outputs: [(value: String, info: ValueInfo)], textInput: Tensor?
    ) -> Graph {
        var nodes = nodes
        for output in outputs {
            nodes.append(
                Node(
                    name: "\(output.info.name)/Identity", operatorType: "Identity", inputs: [output.value],
                    outputs: [output.info.name]))
        }
        var constants = constants
        if let textInput { constants[TextInput.constantName] = textInput }
        return Graph(
            name: name, operatorSetVersion: 17, inputs: inputs, outputs: outputs.map(\.info), nodes: nodes,
            initializers: constants)
    }
}

extension ValueInfo {
    static func tokens(_ name: String) -> ValueInfo {
        ValueInfo(name: name, elementType: .int64, dimensions: [.batch, .symbolic("sequence")])
    }

    static func perToken(_ name: String, _ width: Int? = nil) -> ValueInfo {
        ValueInfo(
            name: name, elementType: .float32,
            dimensions: [.batch, .symbolic("sequence")] + (width.map { [.fixed($0)] } ?? []))
    }

    static func perRow(_ name: String, _ width: Int) -> ValueInfo {
        ValueInfo(name: name, elementType: .float32, dimensions: [.batch, .fixed(width)])
    }
}
