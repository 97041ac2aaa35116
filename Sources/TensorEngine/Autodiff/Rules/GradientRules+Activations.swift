extension GradientRules {
    /// Functions of one operand, element by element.
    static let activations: [String: GradientRule] = [
        "Identity": { _, flows, _, _ throws(GraphError) in flows },
        "Neg": { node, flows, _, builder throws(GraphError) in
            [flows[0].map { builder.add("Neg", [$0], like: node.inputs[0]) }]
        },
    ]
}
