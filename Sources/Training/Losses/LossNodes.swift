import TensorEngine

/// Adds the nodes of a loss to a model's graph.
struct LossNodes {
    private(set) var graph: Graph
    private var taken: Set<String>

    init(_ graph: Graph) {
        self.graph = graph
        taken = Set(graph.inputs.map(\.name)).union(graph.initializers.keys)
        for node in graph.nodes {
            taken.insert(node.name)
            taken.formUnion(node.outputs)
        }
    }

    /// `base`, or `base_1` and so on.
    mutating func uniqueName(_ base: String) -> String {
        var (name, number) = (base, 0)
        while !taken.insert(name).inserted {
            number += 1
            name = "\(base)_\(number)"
        }
        return name
    }

    /// Adds a node of one output and returns the output's name.
    @discardableResult
    mutating func add(
        _ operatorType: String, _ inputs: [String], _ attributes: [String: AttributeValue] = [:],
        named output: String? = nil
    ) -> String {
        let node = uniqueName("loss/\(operatorType)")
        let output = output ?? node
        graph.nodes.append(
            Node(
                name: node, operatorType: operatorType, inputs: inputs, outputs: [output], attributes: attributes))
        return output
    }

    mutating func scalar(_ value: Double, _ title: String) -> String {
        constant(title, Tensor(.float32, shape: []) { $0.storeBytes(of: Float(value), as: Float.self) })
    }

    mutating func floats(_ values: [Double], _ title: String) -> String {
        let values = values.map { Float($0) }
        return constant(
            title,
            Tensor(.float32, shape: Shape(arrayLiteral: values.count)) { bytes in
                values.withUnsafeBytes { bytes.copyMemory(from: $0) }
            })
    }

    mutating func integers(_ values: [Int64], _ title: String) -> String {
        constant(
            title,
            Tensor(.int64, shape: Shape(arrayLiteral: values.count)) { bytes in
                values.withUnsafeBytes { bytes.copyMemory(from: $0) }
            })
    }

    private mutating func constant(_ title: String, _ tensor: Tensor) -> String {
        let name = uniqueName("loss/\(title)")
        graph.initializers[name] = tensor
        return name
    }

    /// The sum or the mean along one axis, which goes.
    mutating func reduce(_ operatorType: String, _ name: String, axis: Int) -> String {
        // The axes became an input in opset 13 for ReduceSum and in opset 18 for the others.
        let takesInput = graph.operatorSetVersion >= (operatorType == "ReduceSum" ? 13 : 18)
        if takesInput {
            return add(operatorType, [name, integers([Int64(axis)], "axes")], ["keepdims": .int(0)])
        }
        return add(operatorType, [name], ["axes": .ints([axis]), "keepdims": .int(0)])
    }

    /// What an activation at the end of a graph is applied to; nil when the value comes from another operator.
    func source(of value: String, before operatorType: String, rank: Int) -> String? {
        var name = value
        // As many steps as there are nodes, so that a graph that contradicts itself ends too.
        for _ in graph.nodes.indices {
            guard let node = graph.nodes.first(where: { $0.outputs.contains(name) }), let input = node.inputs.first
            else { return nil }
            if node.operatorType == "Identity" {
                name = input
                continue
            }
            guard node.operatorType == operatorType else { return nil }
            if operatorType == "Softmax" {
                var axis = graph.operatorSetVersion >= 13 ? -1 : 1
                if case .int(let given)? = node.attributes["axis"] { axis = given }
                guard axis == rank - 1 || axis == -1 else { return nil }
            }
            return input
        }
        return nil
    }

    /// The mean over a row's elements, then over the rows.
    /// - Parameters:
    ///   - losses: [batch, …], already multiplied by the factors.
    ///   - factors: the weights of the same shape that the losses were multiplied by; nil for 1.
    ///   - sampleWeights: [batch], or nil for 1.
    mutating func mean(of losses: String, rank: Int, factors: String?, sampleWeights: String?) -> String {
        guard factors != nil || sampleWeights != nil else {
            return add("ReduceMean", [losses], ["keepdims": .int(0)])
        }
        var total = rowMeans(losses, rank: rank)
        var weights = factors.map { rowMeans($0, rank: rank) }
        if let sampleWeights {
            total = add("Mul", [total, sampleWeights])
            weights = weights.map { add("Mul", [$0, sampleWeights]) } ?? sampleWeights
        }
        let sum = add("ReduceSum", [total], ["keepdims": .int(0)])
        guard let weights else { return sum }
        let weight = add("ReduceSum", [weights], ["keepdims": .int(0)])
        // Rows that all weigh nothing have the loss 0, not 0 / 0.
        let least = scalar(Double(Float.leastNormalMagnitude), "least")
        return add("Div", [sum, add("Max", [weight, least])])
    }

    private mutating func rowMeans(_ value: String, rank: Int) -> String {
        if rank <= 1 { return value }
        return reduce("ReduceMean", rank == 2 ? value : add("Flatten", [value], ["axis": .int(1)]), axis: 1)
    }
}
