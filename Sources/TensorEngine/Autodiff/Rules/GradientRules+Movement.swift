extension GradientRules {
    /// Operators that move elements.
    static let movement: [String: GradientRule] = [
        "Reshape": { node, flows, needed, builder throws(GraphError) in
            let gradient = needed[0] ? flows[0].map { builder.reshaped($0, like: node.inputs[0]) } : nil
            return [gradient, nil]
        }
    ]
}
