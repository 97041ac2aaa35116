/// Turns MatMul or Conv followed by Add of a constant vector, or MatMul followed by Add of a vector that is an input, into
/// the product's own bias.
enum BiasFusion {
    static func run(_ graph: inout WorkGraph, types: [String: TensorType]) {
        var index = 0
        while index < graph.nodes.count {
            if let (producer, fused) = fuse(graph.nodes[index], &graph, types) {
                graph.nodes[producer] = fused
                graph.nodes.remove(at: index)
            } else {
                index += 1
            }
        }
    }

    private static func fuse(
        _ node: WorkNode, _ graph: inout WorkGraph, _ types: [String: TensorType]
    ) -> (producer: Int, fused: WorkNode)? {
        guard node.node.operatorType == "Add", node.node.inputs.count == 2 else { return nil }
        let (a, b) = (node.node.inputs[0], node.node.inputs[1])
        for (value, addend) in [(a, b), (b, a)] {
            if let fused = fuseInput(node, value, addend, graph, types) { return fused }
            guard let constant = graph.constants[addend], constant.elementType == .float32,
                let index = graph.producers[value], graph.useCounts[value] == 1
            else { continue }
            var producer = graph.nodes[index]
            guard producer.activation == .none, producer.node.inputs.count == 2,
                let weights = graph.constants[producer.node.inputs[1]], weights.elementType == .float32
            else { continue }
            let bias: Tensor?
            switch producer.node.operatorType {
            case "MatMul": bias = matMulBias(constant, weights, rank: types[value]?.shape.rank)
            case "Conv": bias = convBias(constant, weights)
            default: bias = nil
            }
            guard let bias else { continue }
            let name = graph.freshName("\(producer.node.name)/bias")
            graph.constants[name] = bias
            producer.node.inputs.append(name)
            producer.hasFusedBias = producer.node.operatorType == "MatMul"
            producer.node.outputs = node.node.outputs
            return (index, producer)
        }
        return nil
    }

    /// A bias that is trained is an input of its graph, as the weights may be.
    private static func fuseInput(
        _ node: WorkNode, _ value: String, _ addend: String, _ graph: WorkGraph, _ types: [String: TensorType]
    ) -> (producer: Int, fused: WorkNode)? {
        guard let input = graph.inputs.first(where: { $0.name == addend }), input.elementType == .float32,
            input.dimensions.count == 1, case .fixed(let columns)? = input.dimensions.first,
            let index = graph.producers[value], graph.useCounts[value] == 1
        else { return nil }
        var producer = graph.nodes[index]
        guard producer.node.operatorType == "MatMul", producer.activation == .none, producer.node.inputs.count == 2,
            let weights = types[producer.node.inputs[1]], weights.shape.rank >= 2,
            weights.shape.dimensions.last == columns, (types[value]?.shape.rank ?? 0) >= 2
        else { return nil }
        producer.node.inputs.append(addend)
        producer.hasFusedBias = true
        producer.node.outputs = node.node.outputs
        return (index, producer)
    }

    /// The addend as a vector of the product's columns.
    private static func matMulBias(_ constant: Tensor, _ weights: Tensor, rank: Int?) -> Tensor? {
        let shape = constant.shape
        guard weights.shape.rank >= 2, shape.rank >= 1, shape.rank <= rank ?? 1,
            let columns = weights.shape.dimensions.last, shape.dimensions.last == columns,
            shape.elementCount == columns
        else { return nil }
        return try? constant.reshaped(to: Shape([columns]))
    }

    /// The addend as a vector of the convolution's channels: `[C, 1]`, `[C, 1, 1]`, or the same with a leading 1.
    private static func convBias(_ constant: Tensor, _ weights: Tensor) -> Tensor? {
        let rank = weights.shape.rank
        let shape = constant.shape.dimensions
        guard shape.count == rank || shape.count == rank - 1 else { return nil }
        let padded = shape.count == rank ? shape : [1] + shape
        var expected = [Int](repeating: 1, count: rank)
        expected[1] = weights.shape[0]
        guard padded == expected else { return nil }
        return try? constant.reshaped(to: Shape([weights.shape[0]]))
    }
}

/// Lets convolutions and matrix products apply the Relu, LeakyRelu or Clip that follows as they store their result.
enum ActivationFusion {
    static func run(_ graph: inout WorkGraph) {
        var index = 0
        while index < graph.nodes.count {
            let node = graph.nodes[index]
            guard let input = node.node.inputs.first, let activation = activation(node, graph),
                let producer = graph.producers[input], graph.useCounts[input] == 1,
                ["Conv", "DynamicQuantizeMatMul", "Gemm", "MatMul"].contains(graph.nodes[producer].node.operatorType),
                graph.nodes[producer].activation == .none
            else {
                index += 1
                continue
            }
            graph.nodes[producer].activation = activation
            graph.nodes[producer].node.outputs = node.node.outputs
            graph.nodes.remove(at: index)
        }
    }

    private static func activation(_ node: WorkNode, _ graph: WorkGraph) -> FusedActivation? {
        var reader = NodeReader(node, operatorSetVersion: graph.operatorSetVersion)
        switch node.node.operatorType {
        case "Relu": return .relu
        case "LeakyRelu": return (try? reader.float("alpha", default: 0.01)).map(FusedActivation.leakyRelu)
        case "Clip":
            guard let operation = try? ClipOperator(&reader),
                let (lower, upper) = operation.constantBounds(node, graph.constants)
            else { return nil }
            return .clip(lower, upper)
        default: return nil
        }
    }
}
