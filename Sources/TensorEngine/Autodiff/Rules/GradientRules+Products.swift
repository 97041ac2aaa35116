extension GradientRules {
    /// Matrix products.
    static let products: [String: GradientRule] = [
        "MatMul": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil] }
            return (0..<2).map { index in
                guard needed[index] else { return nil }
                return builder.add(
                    "MatMulGradient", [flow, node.inputs[0], node.inputs[1]], attributes: ["operand": .int(index)],
                    like: node.inputs[index])
            }
        },
        "Gemm": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
            var reader = builder.reader(node)
            let product = GemmFactors(
                transposesA: try reader.bool("transA", default: false),
                transposesB: try reader.bool("transB", default: false), alpha: try reader.float("alpha", default: 1))
            let beta = try reader.float("beta", default: 1)
            var results = [String?](repeating: nil, count: node.inputs.count)
            if needed[0] { results[0] = product.left(flow, node.inputs[0], node.inputs[1], &builder) }
            if needed[1] { results[1] = product.right(flow, node.inputs[0], node.inputs[1], &builder) }
            if needed.count > 2, needed[2] {
                let c = node.inputs[2]
                let sum = builder.reduced(flow, from: node.outputs[0], to: c)
                results[2] =
                    beta == 1 ? sum : builder.add("Mul", [sum, builder.scalar(Double(beta), like: c)], like: c)
            }
            return results
        },
        "Linear": { node, flows, needed, builder throws(GraphError) in
            guard var flow = flows[0] else { return node.inputs.map { _ in nil } }
            var reader = builder.reader(node)
            let product = GemmFactors(
                transposesA: false, transposesB: try reader.bool("transposed", default: true), alpha: 1)
            let functions = ["none": "", "relu": "Relu", "tanh": "Tanh"]
            let activation = try reader.string("activation", default: "none")
            guard let function = functions[activation] else {
                throw node.error(.unsupported, "activation '\(activation)' has no gradient")
            }
            if !function.isEmpty {
                flow = builder.add(
                    "FunctionGradient", [flow, node.outputs[0]], attributes: ["function": .string(function)],
                    like: node.outputs[0])
            }
            // Rows of all leading axes are those of one matrix.
            let (x, weights) = (node.inputs[0], node.inputs[1])
            let rows = builder.add("AsMatrix", [flow])
            var results = [String?](repeating: nil, count: node.inputs.count)
            if needed[0] {
                results[0] = builder.reshaped(product.left(rows, nil, weights, &builder), like: x)
            }
            if needed[1] { results[1] = product.right(rows, builder.add("AsMatrix", [x]), weights, &builder) }
            if needed.count > 2, needed[2] {
                results[2] = builder.reduced(flow, from: node.outputs[0], to: node.inputs[2])
            }
            return results
        },
        "Einsum": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
            var reader = builder.reader(node)
            let equation = EinsumEquation(try reader.string("equation", default: ""))
            var results = [String?](repeating: nil, count: node.inputs.count)
            for index in node.inputs.indices where needed[index] {
                results[index] = try equation.gradient(of: index, node, flow, &builder)
            }
            return results
        },
    ]

    /// `alpha · A' · B'` with operands that are transposed or not.
    private struct GemmFactors {
        let transposesA: Bool
        let transposesB: Bool
        let alpha: Float

        func left(_ flow: String, _ a: String?, _ b: String, _ builder: inout GradientBuilder) -> String {
            transposesA
                ? product(b, transposesB, flow, true, like: a, &builder)
                : product(flow, false, b, !transposesB, like: a, &builder)
        }

        func right(_ flow: String, _ a: String, _ b: String, _ builder: inout GradientBuilder) -> String {
            transposesB
                ? product(flow, true, a, transposesA, like: b, &builder)
                : product(a, !transposesA, flow, false, like: b, &builder)
        }

        private func product(
            _ left: String, _ leftIsTransposed: Bool, _ right: String, _ rightIsTransposed: Bool, like: String?,
            _ builder: inout GradientBuilder
        ) -> String {
            builder.add(
                "Gemm", [left, right],
                attributes: [
                    "alpha": .float(alpha), "transA": .int(leftIsTransposed ? 1 : 0),
                    "transB": .int(rightIsTransposed ? 1 : 0),
                ], like: like)
        }
    }
}

/// An Einsum equation, term by term; an ellipsis is one label.
private struct EinsumEquation {
    private let terms: [[String]]
    private let output: [String]
    private let hasRepeats: Bool

    init(_ equation: String) {
        let text = equation.filter { $0 != " " }.replacing("...", with: ".")
        let sides = text.split(separator: "->", omittingEmptySubsequences: false)
        terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map { $0.map(String.init) }
        let all = terms.flatMap { $0 }
        if sides.count > 1 {
            output = sides[1].map(String.init)
        } else {
            // Without an arrow: labels that stand once, in alphabetical order, behind the ellipsis.
            let once = Set(all).filter { label in label != "." && all.count { $0 == label } == 1 }
            output = (all.contains(".") ? ["."] : []) + once.sorted()
        }
        hasRepeats = terms.contains { Set($0).count != $0.count }
    }

    /// Einsum of the output's gradient and the other operands, broadcast along labels that only this operand has.
    func gradient(
        of index: Int, _ node: Node, _ flow: String, _ builder: inout GradientBuilder
    ) throws(GraphError) -> String {
        guard !hasRepeats else {
            throw node.error(.unsupported, "a label stands twice in one term, which has no gradient")
        }
        let others = terms.indices.filter { $0 != index }
        let known = Set(output).union(others.flatMap { terms[$0] })
        let present = terms[index].filter(known.contains)
        func text(_ labels: [String]) -> String { labels.map { $0 == "." ? "..." : $0 }.joined() }
        let sources = [text(output)] + others.map { text(terms[$0]) }
        var result = builder.add(
            "Einsum", [flow] + others.map { node.inputs[$0] },
            attributes: ["equation": .string("\(sources.joined(separator: ","))->\(text(present))")])
        let input = node.inputs[index]
        let missing = terms[index].indices.filter { !known.contains(terms[index][$0]) }
        if !missing.isEmpty {
            guard !terms[index].contains(".") else {
                throw node.error(.unsupported, "an ellipsis beside a label of one operand alone has no gradient")
            }
            let axes = builder.operatorSetVersion < 13 ? [] : [builder.integers(missing)]
            result = builder.add(
                "Unsqueeze", [result] + axes,
                attributes: builder.operatorSetVersion < 13 ? ["axes": .ints(missing)] : [:])
            result = builder.expanded(result, like: input)
        }
        // Extents of 1 were broadcast.
        return builder.add("SumToShape", [result, input], like: input)
    }
}
