extension GradientRules {
    /// Functions of two and more operands that are broadcast to one shape.
    static let arithmetic: [String: GradientRule] = [
        "Add": sum,
        "Sum": sum,
        "Mean": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
            let output = node.outputs[0]
            let share = builder.scalar(1 / Double(node.inputs.count), like: output)
            let scaled = builder.add("Mul", [flow, share], like: output)
            return node.inputs.indices.map { index in
                needed[index] ? builder.reduced(scaled, from: output, to: node.inputs[index]) : nil
            }
        },
        "Sub": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            var results: [String?] = [nil, nil]
            if needed[0] { results[0] = builder.reduced(flow, from: node.outputs[0], to: node.inputs[0]) }
            if needed[1] {
                let sum = builder.reduced(flow, from: node.outputs[0], to: node.inputs[1])
                results[1] = builder.add("Neg", [sum], like: node.inputs[1])
            }
            return results
        },
        "Mul": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            return node.inputs.indices.map { index in
                guard needed[index] else { return nil }
                let product = builder.add("Mul", [flow, node.inputs[1 - index]], like: node.outputs[0])
                return builder.reduced(product, from: node.outputs[0], to: node.inputs[index])
            }
        },
        "Div": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            var results: [String?] = [nil, nil]
            if needed[0] {
                let quotient = builder.add("Div", [flow, node.inputs[1]], like: node.outputs[0])
                results[0] = builder.reduced(quotient, from: node.outputs[0], to: node.inputs[0])
            }
            if needed[1] { results[1] = binary("divisor", node, flow, to: 1, &builder) }
            return results
        },
        "Pow": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            // The exponent may be of another type than the base.
            var operands = node
            let types = node.inputs.map { builder.elementType(of: $0) }
            if types[0] == nil || types[0] != types[1] {
                operands.inputs[1] = builder.add("CastLike", [node.inputs[1], node.inputs[0]])
            }
            var results: [String?] = [nil, nil]
            if needed[0] { results[0] = binary("powerBase", operands, flow, to: 0, of: node, &builder) }
            if needed[1] {
                let gradient = binary("powerExponent", operands, flow, to: 1, of: node, &builder)
                results[1] = types[0] == types[1] ? gradient : builder.add("CastLike", [gradient, node.inputs[1]])
            }
            return results
        },
        "PRelu": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            return [
                needed[0] ? binary("slopeInput", node, flow, to: 0, &builder) : nil,
                needed[1] ? binary("slope", node, flow, to: 1, &builder) : nil,
            ]
        },
        "Max": { node, flows, needed, builder throws(GraphError) in
            try extremum("maximum", node, flows, needed, &builder)
        },
        "Min": { node, flows, needed, builder throws(GraphError) in
            try extremum("minimum", node, flows, needed, &builder)
        },
        "Where": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil, nil] }
            let zero = builder.scalar(0, like: node.outputs[0])
            var results: [String?] = [nil, nil, nil]
            for index in 1...2 where needed[index] {
                let operands = index == 1 ? [node.inputs[0], flow, zero] : [node.inputs[0], zero, flow]
                let chosen = builder.add("Where", operands, like: node.outputs[0])
                results[index] = builder.reduced(chosen, from: node.outputs[0], to: node.inputs[index])
            }
            return results
        },
    ]

    private static let sum: GradientRule = { node, flows, needed, builder throws(GraphError) in
        guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
        return node.inputs.indices.map { index in
            needed[index] ? builder.reduced(flow, from: node.outputs[0], to: node.inputs[index]) : nil
        }
    }

    /// The gradient of one of two operands by ``BinaryGradientOperator``.
    /// - Parameter original: the node whose input's shape the gradient has, when `node` reads converted inputs.
    private static func binary(
        _ function: String, _ node: Node, _ flow: String, to index: Int, of original: Node? = nil,
        _ builder: inout GradientBuilder
    ) -> String {
        let gradient = builder.add(
            "BinaryGradient", [flow, node.inputs[0], node.inputs[1]], attributes: ["function": .string(function)],
            like: node.outputs[0])
        return builder.reduced(gradient, from: node.outputs[0], to: (original ?? node).inputs[index])
    }

    /// Of two operands: the training form makes more of them a chain.
    private static func extremum(
        _ name: String, _ node: Node, _ flows: [String?], _ needed: [Bool], _ builder: inout GradientBuilder
    ) throws(GraphError) -> [String?] {
        guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
        guard node.inputs.count == 2 else {
            throw node.error(.unsupported, "has \(node.inputs.count) operands, its gradient takes 2")
        }
        return [
            needed[0] ? binary("\(name)First", node, flow, to: 0, &builder) : nil,
            needed[1] ? binary("\(name)Second", node, flow, to: 1, &builder) : nil,
        ]
    }
}
