extension GradientRules {
    /// Functions of one operand, element by element, and along an axis.
    static let activations: [String: GradientRule] = {
        var rules: [String: GradientRule] = [
            "Identity": { _, flows, _, _ throws(GraphError) in flows },
            "Neg": { node, flows, _, builder throws(GraphError) in
                [flows[0].map { builder.add("Neg", [$0], like: node.inputs[0]) }]
            },
            "Cast": cast,
            "CastLike": cast,
            "Clip": { node, flows, needed, builder throws(GraphError) in
                var results = [String?](repeating: nil, count: node.inputs.count)
                guard let flow = flows[0] else { return results }
                for index in needed.indices.dropFirst() where needed[index] {
                    throw node.error(.unsupported, "bound '\(node.inputs[index])' is trained, which has no gradient")
                }
                var bounds: [String: AttributeValue] = [:]
                for name in ["min", "max"] { bounds[name] = node.attributes[name] }
                results[0] = builder.add(
                    "ClipGradient", [flow, node.outputs[0]] + node.inputs.dropFirst(), attributes: bounds,
                    like: node.inputs[0])
                return results
            },
            "Softmax": alongAxis,
            "LogSoftmax": alongAxis,
            "LpNormalization": alongAxis,
        ]
        for function in FunctionGradientOperator.Function.allCases {
            rules[function.rawValue] = elementwise
        }
        return rules
    }()

    private static let elementwise: GradientRule = { node, flows, _, builder throws(GraphError) in
        guard let flow = flows[0], let function = FunctionGradientOperator.Function(rawValue: node.operatorType) else {
            return [nil]
        }
        var attributes = node.attributes
        attributes["function"] = .string(node.operatorType)
        var usesOutput = function.usesOutput
        // The output of a falling slope does not tell the input's sign.
        if function == .leakyRelu, case .float(let slope)? = attributes["alpha"], slope < 0 { usesOutput = false }
        let value = usesOutput ? node.outputs[0] : node.inputs[0]
        return [builder.add("FunctionGradient", [flow, value], attributes: attributes, like: node.inputs[0])]
    }

    /// Between floating-point types.
    private static let cast: GradientRule = { node, flows, needed, builder throws(GraphError) in
        var results = [String?](repeating: nil, count: node.inputs.count)
        if needed[0], let flow = flows[0] {
            results[0] = builder.add("CastLike", [flow, node.inputs[0]], like: node.inputs[0])
        }
        return results
    }

    private static let alongAxis: GradientRule = { node, flows, _, builder throws(GraphError) in
        guard let flow = flows[0] else { return [nil] }
        var attributes = node.attributes
        attributes["function"] = .string(node.operatorType)
        var operands = [flow, node.outputs[0]]
        if node.operatorType == "LpNormalization" { operands.append(node.inputs[0]) }
        return [builder.add("SoftmaxGradient", operands, attributes: attributes, like: node.inputs[0])]
    }
}
