extension GradientRules {
    /// Reductions over axes, normalizations over them, and losses.
    static let reductions: [String: GradientRule] = {
        var rules: [String: GradientRule] = [
            "LayerNormalization": normalization,
            "RMSNormalization": normalization,
            "GroupNormalization": normalization,
            "InstanceNormalization": normalization,
            "LRN": { node, flows, _, builder throws(GraphError) in
                guard let flow = flows[0] else { return [nil] }
                return [
                    builder.add(
                        "LRNGradient", [flow, node.inputs[0]], attributes: node.attributes, like: node.inputs[0])
                ]
            },
            "SoftmaxCrossEntropyLoss": loss,
            "NegativeLogLikelihoodLoss": loss,
            "TokenPooling": { node, flows, needed, builder throws(GraphError) in
                var results = [String?](repeating: nil, count: node.inputs.count)
                guard needed[0], let flow = flows[0] else { return results }
                let mask = node.inputs.count > 1 ? node.inputs[1] : ""
                results[0] = builder.add(
                    "TokenPoolingGradient", [node.inputs[0], mask, flow], attributes: node.attributes,
                    like: node.inputs[0])
                return results
            },
        ]
        for function in ReductionOperator.Function.allCases { rules[function.rawValue] = reduction }
        return rules
    }()

    private static let reduction: GradientRule = { node, flows, needed, builder throws(GraphError) in
        var results = [String?](repeating: nil, count: node.inputs.count)
        guard needed[0], let flow = flows[0] else { return results }
        var attributes = node.attributes
        attributes["function"] = .string(node.operatorType)
        let readsOutput = !["ReduceSum", "ReduceMean"].contains(node.operatorType)
        var operands = [flow, node.inputs[0], readsOutput ? node.outputs[0] : ""]
        if node.inputs.count > 1 { operands.append(node.inputs[1]) }
        results[0] = builder.add("ReductionGradient", operands, attributes: attributes, like: node.inputs[0])
        return results
    }

    private static let normalization: GradientRule = { node, flows, needed, builder throws(GraphError) in
        var results = [String?](repeating: nil, count: node.inputs.count)
        guard flows.dropFirst().allSatisfy({ $0 == nil }) else {
            throw node.error(.unsupported, "the loss depends on its statistics, which have no gradient")
        }
        guard let flow = flows[0] else { return results }
        var attributes = node.attributes
        attributes["function"] = .string(node.operatorType)
        let (x, scale) = (node.inputs[0], node.inputs[1])
        let wanted = (0..<3).map { $0 < needed.count && needed[$0] }
        let last = wanted.lastIndex(of: true) ?? 0
        let outputs = builder.add(
            "NormalizationGradient", [flow, x, scale], outputs: Array(wanted[...last]), attributes: attributes,
            like: [x, scale, nil])
        for index in outputs.indices where wanted[index] { results[index] = outputs[index] }
        if let shift = results.count > 2 ? results[2] : nil {
            // A shift of the scale's size may have another shape.
            let isSame = builder.haveSameShape(scale, node.inputs[2])
            results[2] = isSame ? shift : builder.reshaped(shift, like: node.inputs[2])
        }
        return results
    }

    private static let loss: GradientRule = { node, flows, needed, builder throws(GraphError) in
        var results = [String?](repeating: nil, count: node.inputs.count)
        guard flows.count < 2 || flows[1] == nil else {
            throw node.error(.unsupported, "the loss depends on the output of logarithms, which has no gradient here")
        }
        if needed.count > 2, needed[2] {
            throw node.error(.unsupported, "the classes' weights are trained, which has no gradient")
        }
        guard needed[0], let flow = flows[0] else { return results }
        var attributes = node.attributes
        attributes["function"] = .string(node.operatorType)
        results[0] = builder.add(
            "LossGradient", [flow] + node.inputs, attributes: attributes, like: node.inputs[0])
        return results
    }
}
