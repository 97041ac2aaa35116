extension GradientRules {
    /// Pools: each has a gradient operator of the same attributes, which reads the input again.
    static let pools: [String: GradientRule] = [
        "AveragePool": pool, "GlobalAveragePool": pool, "GlobalMaxPool": pool, "MaxPool": pool,
    ]

    private static let pool: GradientRule = { node, flows, needed, builder throws(GraphError) in
        guard let flow = flows[0], needed[0] else { return [nil] }
        let x = node.inputs[0]
        return [builder.add("\(node.operatorType)Gradient", [flow, x], attributes: node.attributes, like: x)]
    }
}
