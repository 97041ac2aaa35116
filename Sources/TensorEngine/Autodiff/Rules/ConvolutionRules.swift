extension GradientRules {
    /// Conv and ConvTranspose.
    static let convolutions: [String: GradientRule] = [
        "Conv": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [] }
            let (x, w) = (node.inputs[0], node.inputs[1])
            return [
                needed[0]
                    ? builder.add("ConvInputGradient", [flow, w, x], attributes: node.attributes, like: x) : nil,
                needed[1]
                    ? builder.add("ConvWeightGradient", [flow, x, w], attributes: node.attributes, like: w) : nil,
                bias(node, flow, needed, &builder),
            ]
        },
        "ConvTranspose": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [] }
            let (x, w) = (node.inputs[0], node.inputs[1])
            func gradient(_ index: Int, _ type: String, _ builder: inout GradientBuilder) -> String? {
                guard needed[index] else { return nil }
                return builder.add(type, [flow, x, w], attributes: node.attributes, like: node.inputs[index])
            }
            return [
                gradient(0, "ConvTransposeInputGradient", &builder),
                gradient(1, "ConvTransposeWeightGradient", &builder),
                bias(node, flow, needed, &builder),
            ]
        },
    ]

    private static func bias(
        _ node: Node, _ flow: String, _ needed: [Bool], _ builder: inout GradientBuilder
    ) -> String? {
        guard needed.count > 2, needed[2] else { return nil }
        return builder.add("ChannelSum", [flow], like: node.inputs[2])
    }
}
