extension GradientRules {
    /// Matrix products.
    static let products: [String: GradientRule] = [
        "Gemm": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
            var reader = builder.reader(node)
            let transposesA = try reader.bool("transA", default: false)
            let transposesB = try reader.bool("transB", default: false)
            let alpha = try reader.float("alpha", default: 1)
            let beta = try reader.float("beta", default: 1)
            func product(_ left: String, _ leftTransposed: Bool, _ right: String, _ rightTransposed: Bool, like: String)
                -> String
            {
                builder.add(
                    "Gemm", [left, right],
                    attributes: [
                        "alpha": .float(alpha), "transA": .int(leftTransposed ? 1 : 0),
                        "transB": .int(rightTransposed ? 1 : 0),
                    ], like: like)
            }
            let (a, b) = (node.inputs[0], node.inputs[1])
            var results = [String?](repeating: nil, count: node.inputs.count)
            if needed[0] {
                results[0] =
                    transposesA
                    ? product(b, transposesB, flow, true, like: a) : product(flow, false, b, !transposesB, like: a)
            }
            if needed[1] {
                results[1] =
                    transposesB
                    ? product(flow, true, a, transposesA, like: b) : product(a, !transposesA, flow, false, like: b)
            }
            if needed.count > 2, needed[2] {
                let sum = builder.reduced(flow, from: node.outputs[0], to: node.inputs[2])
                results[2] =
                    beta == 1
                    ? sum
                    : builder.add(
                        "Mul", [sum, builder.scalar(Double(beta), like: node.inputs[2])], like: node.inputs[2])
            }
            return results
        }
    ]
}
