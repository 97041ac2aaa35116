extension GradientRules {
    /// Functions of two and more broadcast operands.
    static let arithmetic: [String: GradientRule] = [
        "Add": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            return node.inputs.indices.map { index in
                needed[index] ? builder.reduced(flow, from: node.outputs[0], to: node.inputs[index]) : nil
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
    ]
}
