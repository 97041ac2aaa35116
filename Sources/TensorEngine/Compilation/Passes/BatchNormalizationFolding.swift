/// Folds a BatchNormalization with constant parameters into the constant weights of the Conv, Gemm or MatMul before it.
enum BatchNormalizationFolding {
    static func run(_ graph: inout WorkGraph, types: [String: TensorType]) {
        var index = 0
        while index < graph.nodes.count {
            if let (producer, folded) = fold(index, &graph, types) {
                graph.nodes[producer] = folded
                graph.nodes.remove(at: index)
            } else {
                index += 1
            }
        }
    }

    /// One channel's normalization is `y * scales + shifts`.
    private struct Factors {
        let scales: [Float]
        let shifts: [Float]
    }

    private static func fold(
        _ index: Int, _ graph: inout WorkGraph, _ types: [String: TensorType]
    ) -> (producer: Int, folded: WorkNode)? {
        let node = graph.nodes[index]
        guard node.node.operatorType == "BatchNormalization", let input = node.node.inputs.first,
            let output = node.node.outputs.first, graph.useCounts[input] == 1,
            let producerIndex = graph.producers[input], let factors = factors(node, graph)
        else { return nil }
        var producer = graph.nodes[producerIndex]
        guard producer.activation == .none, producer.node.inputs.count >= 2 else { return nil }
        switch producer.node.operatorType {
        case "Conv": guard foldConv(&producer, factors, &graph) else { return nil }
        case "Gemm": guard foldGemm(&producer, factors, &graph) else { return nil }
        case "MatMul":
            // Only in a matrix is the channel, dimension 1, the column of the product.
            guard types[input]?.shape.rank == 2, foldMatMul(&producer, factors, &graph) else { return nil }
        default: return nil
        }
        producer.node.outputs = [output]
        return (producerIndex, producer)
    }

    private static func factors(_ node: WorkNode, _ graph: WorkGraph) -> Factors? {
        let names = node.node.inputs
        guard names.count == 5 else { return nil }
        let parameters = names[1...].compactMap { floats(graph.constants[$0]) }
        guard parameters.count == 4, Set(parameters.map(\.count)).count == 1 else { return nil }
        var reader = NodeReader(node, operatorSetVersion: graph.operatorSetVersion)
        guard let operation = try? BatchNormalizationOperator(&reader) else { return nil }
        let channels = parameters[0].count
        var scales = [Float](repeating: 0, count: channels)
        var shifts = scales
        BatchNormalizationOperator.fold(
            scale: parameters[0], bias: parameters[1], mean: parameters[2], variance: parameters[3],
            epsilon: operation.epsilon, channels: channels, scales: &scales, shifts: &shifts)
        return Factors(scales: scales, shifts: shifts)
    }

    private static func floats(_ tensor: Tensor?) -> [Float]? {
        guard let tensor, tensor.elementType == .float32 else { return nil }
        return tensor.withElements(Float.self) { Array($0) }
    }

    private static func foldConv(_ producer: inout WorkNode, _ factors: Factors, _ graph: inout WorkGraph) -> Bool {
        guard let weights = graph.constants[producer.node.inputs[1]], weights.elementType == .float32,
            weights.shape.rank >= 3, weights.shape[0] == factors.scales.count
        else { return false }
        let channels = factors.scales.count
        let area = weights.shape.elementCount / max(channels, 1)
        let scaled = map(weights) { $1 * factors.scales[$0 / area] }
        return replace(&producer, weights: scaled, bias: 2, factors, &graph) { $0.count == channels ? $0 : nil }
    }

    private static func foldMatMul(_ producer: inout WorkNode, _ factors: Factors, _ graph: inout WorkGraph) -> Bool {
        let columns = factors.scales.count
        guard let weights = graph.constants[producer.node.inputs[1]], weights.elementType == .float32,
            weights.shape.rank == 2, weights.shape[1] == columns
        else { return false }
        let scaled = map(weights) { $1 * factors.scales[$0 % columns] }
        guard replace(&producer, weights: scaled, bias: 2, factors, &graph, { $0.count == columns ? $0 : nil }) else {
            return false
        }
        producer.hasFusedBias = true
        return true
    }

    private static func foldGemm(_ producer: inout WorkNode, _ factors: Factors, _ graph: inout WorkGraph) -> Bool {
        let columns = factors.scales.count
        var reader = NodeReader(producer, operatorSetVersion: graph.operatorSetVersion)
        guard let weights = graph.constants[producer.node.inputs[1]], weights.elementType == .float32,
            weights.shape.rank == 2, let transposes = try? reader.bool("transB", default: false),
            let beta = try? reader.float("beta", default: 1), weights.shape[transposes ? 0 : 1] == columns
        else { return false }
        let rowLength = weights.shape[1]
        let scaled = map(weights) { $1 * factors.scales[transposes ? $0 / max(rowLength, 1) : $0 % columns] }
        // C may be a number or a row; a column or a whole matrix stays unfolded.
        if producer.node.inputs.count > 2, let c = graph.constants[producer.node.inputs[2]]?.shape,
            c.rank == 2, c[0] != 1
        {
            return false
        }
        let replaced = replace(&producer, weights: scaled, bias: 2, factors, &graph) { bias in
            switch bias.count {
            case columns: bias.map { beta * $0 }
            case 1: [Float](repeating: beta * bias[0], count: columns)
            default: nil
            }
        }
        if replaced { producer.node.attributes["beta"] = .float(1) }
        return replaced
    }

    /// Gives the producer scaled weights and the bias `old * scales + shifts` under new names.
    private static func replace(
        _ producer: inout WorkNode, weights: Tensor, bias index: Int, _ factors: Factors, _ graph: inout WorkGraph,
        _ row: ([Float]) -> [Float]?
    ) -> Bool {
        var bias = factors.shifts
        if producer.node.inputs.count > index, !producer.node.inputs[index].isEmpty {
            guard let old = floats(graph.constants[producer.node.inputs[index]]), let values = row(old) else {
                return false
            }
            for channel in bias.indices { bias[channel] += values[channel] * factors.scales[channel] }
        }
        guard let shape = try? Shape([bias.count]), let tensor = try? Tensor(shape: shape, elements: bias) else {
            return false
        }
        let weightsName = graph.freshName("\(producer.node.inputs[1])/normalized")
        graph.constants[weightsName] = weights
        let biasName = graph.freshName("\(producer.node.name)/normalized_bias")
        graph.constants[biasName] = tensor
        producer.node.inputs = [producer.node.inputs[0], weightsName, biasName]
        return true
    }

    private static func map(_ tensor: Tensor, _ transform: (Int, Float) -> Float) -> Tensor {
        Tensor(.float32, shape: tensor.shape) { target in
            let output = target.assumingMemoryBound(to: Float.self)
            tensor.withElements(Float.self) { input in
                for index in input.indices { output[index] = transform(index, input[index]) }
            }
        }
    }
}
