import TensorEngine

/// Collects the nodes of a model's graph while its layers are translated one call at a time.
struct KerasGraphBuilder {
    let file: String
    let weights: KerasWeights
    /// Of the Keras that wrote the file: 2 or 3.
    let majorVersion: Int
    let limits: ModelFormatLimits

    /// The tensors that the call which is being translated takes by name, and its switches.
    var keywords: [String: [KerasValue]] = [:]
    var flags: Set<String> = []
    /// Calls translated so far: nested models multiply them.
    var callCount = 0

    private(set) var nodes: [Node] = []
    private(set) var initializers: [String: Tensor] = [:]
    private var names: UniqueNames
    /// Transposed values by the value they come from, so that two branches share one node.
    private var transposed: [String: String] = [:]
    /// The weights of shared layers, which every call uses.
    private var sharedConstants: [String: String] = [:]

    /// - Parameter reservedNames: the graph's input and output names.
    init(
        file: String, weights: KerasWeights, majorVersion: Int, limits: ModelFormatLimits, reservedNames: [String]
    ) {
        self.file = file
        self.weights = weights
        self.majorVersion = majorVersion
        self.limits = limits
        self.names = UniqueNames(taken: reservedNames)
    }

    func options(_ layer: KerasLayer) -> KerasOptions { KerasOptions(file: file, layer: layer) }

    /// Adds a node with one output and returns the output's name, which is the node's as well.
    mutating func emit(
        _ operatorType: String, _ inputs: [String], _ attributes: [String: AttributeValue] = [:],
        for layer: KerasLayer
    ) -> String {
        let name = unique("\(layer.title)/\(operatorType)")
        nodes.append(
            Node(name: name, operatorType: operatorType, inputs: inputs, outputs: [name], attributes: attributes))
        return name
    }

    /// Adds a node with several outputs and returns their names.
    mutating func emit(
        _ operatorType: String, _ inputs: [String], _ attributes: [String: AttributeValue] = [:], outputs: Int,
        omitsFirst: Bool = false, for layer: KerasLayer
    ) -> [String] {
        let name = unique("\(layer.title)/\(operatorType)")
        var names = [omitsFirst ? "" : name]
        for index in 1..<max(outputs, 1) { names.append(unique("\(name)/\(index)")) }
        nodes.append(
            Node(name: name, operatorType: operatorType, inputs: inputs, outputs: names, attributes: attributes))
        return names
    }

    /// Adds a constant, once for all calls of a layer, and returns its name.
    mutating func constant(
        _ title: String, of layer: KerasLayer, _ make: () throws(ModelFormatError) -> Tensor
    ) throws(ModelFormatError) -> String {
        let key = "\(layer.title)/\(title)"
        if let name = sharedConstants[key] { return name }
        let name = unique(key)
        initializers[name] = try make()
        weights.stored(in: name)
        sharedConstants[key] = name
        return name
    }

    /// A constant for one node: a scalar factor, a shape.
    mutating func literal<Element: TensorElement>(
        _ elements: [Element], scalar: Bool = false, _ title: String, of layer: KerasLayer
    ) throws(ModelFormatError) -> String {
        let name = unique("\(layer.title)/\(title)")
        initializers[name] = try options(layer).tensor { () throws(TensorError) -> Tensor in
            try Tensor(shape: try Shape(scalar ? [] : [elements.count]), elements: elements)
        }
        return name
    }

    /// The graph value that holds `value` in Keras's order.
    mutating func plain(_ value: KerasValue, for layer: KerasLayer) -> String {
        guard value.isChannelsFirst else { return value.name }
        return transpose(value.name, KerasValue.toChannelsLast(rank: value.rank), for: layer)
    }

    /// The graph value that holds `value` with its last axis moved to position 1.
    mutating func channelsFirst(_ value: KerasValue, for layer: KerasLayer) -> String {
        if value.isChannelsFirst || value.rank < 3 { return value.name }
        return transpose(value.name, KerasValue.toChannelsFirst(rank: value.rank), for: layer)
    }

    mutating func transpose(_ name: String, _ permutation: [Int], for layer: KerasLayer) -> String {
        if permutation == Array(permutation.indices) { return name }
        let key = "\(name) \(permutation)"
        if let known = transposed[key] { return known }
        let result = emit("Transpose", [name], ["perm": .ints(permutation)], for: layer)
        transposed[key] = result
        // The way back is known too.
        var inverse = permutation
        for (position, axis) in permutation.enumerated() { inverse[axis] = position }
        transposed["\(result) \(inverse)"] = name
        return result
    }

    /// Refuses a value that no memory holds, before anything computes with its extents.
    func check(_ value: KerasValue, of layer: KerasLayer) throws(ModelFormatError) {
        var count = 1
        for extent in value.dimensions.compactMap({ $0 }) {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= limits.maximumTensorBytes / 4 else {
                throw options(layer).failure(
                    .tooLarge,
                    "a row of its result \(value.shapeText) exceeds \(limits.maximumTensorBytes) bytes")
            }
            count = product
        }
    }

    /// Gives values the names of the graph's outputs. Inputs keep theirs and are copied, as is a value's second output.
    mutating func bindOutputs(_ outputs: [(value: String, name: String)]) {
        var producers: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs { producers[output] = index }
        }
        var renamed: [String: String] = [:]
        var copies: [(value: String, name: String)] = []
        for output in outputs {
            if producers[output.value] != nil, renamed[output.value] == nil {
                renamed[output.value] = output.name
            } else {
                copies.append(output)
            }
        }
        for index in nodes.indices {
            nodes[index].inputs = nodes[index].inputs.map { renamed[$0] ?? $0 }
            nodes[index].outputs = nodes[index].outputs.map { renamed[$0] ?? $0 }
        }
        for copy in copies {
            nodes.append(
                Node(
                    name: unique("\(copy.name)/Identity"), operatorType: "Identity",
                    inputs: [renamed[copy.value] ?? copy.value], outputs: [copy.name]))
        }
    }

    private mutating func unique(_ base: String) -> String { names.take(base) }
}
