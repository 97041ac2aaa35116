extension GradientRules {
    /// Operators that move elements, or take them by index.
    static let movement: [String: GradientRule] = [
        "Reshape": reshape,
        "Flatten": reshape,
        "Squeeze": reshape,
        "Unsqueeze": reshape,
        "Transpose": { node, flows, _, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil] }
            var attributes: [String: AttributeValue] = [:]
            if case .ints(let permutation)? = node.attributes["perm"] {
                var inverse = permutation
                for (target, source) in permutation.enumerated() where inverse.indices.contains(source) {
                    inverse[source] = target
                }
                attributes["perm"] = .ints(inverse)
            }
            return [builder.add("Transpose", [flow], attributes: attributes, like: node.inputs[0])]
        },
        "Expand": { node, flows, needed, builder throws(GraphError) in
            guard needed[0], let flow = flows[0] else { return [nil, nil] }
            return [builder.reduced(flow, from: node.outputs[0], to: node.inputs[0]), nil]
        },
        "Tile": { node, flows, needed, builder throws(GraphError) in
            guard needed[0], let flow = flows[0] else { return [nil, nil] }
            return [builder.add("TileGradient", [flow, node.inputs[0]], like: node.inputs[0]), nil]
        },
        "Concat": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return node.inputs.map { _ in nil } }
            let outputs = builder.add(
                "ConcatGradient", [flow] + node.inputs, outputs: needed, attributes: node.attributes,
                like: node.inputs)
            return zip(outputs, needed).map { $1 ? $0 : nil }
        },
        "Split": { node, flows, needed, builder throws(GraphError) in
            var results = [String?](repeating: nil, count: node.inputs.count)
            guard needed[0] else { return results }
            var parts: [String] = []
            for (output, flow) in zip(node.outputs, flows) {
                if let flow {
                    parts.append(flow)
                } else {
                    guard !output.isEmpty else { throw node.error(.unsupported, "an omitted part has no gradient") }
                    parts.append(builder.expanded(builder.scalar(0, like: output), like: output))
                }
            }
            let axis = node.attributes["axis"] ?? .int(0)
            results[0] = builder.add("Concat", parts, attributes: ["axis": axis], like: node.inputs[0])
            return results
        },
        "Slice": behind("SliceGradient"),
        "Pad": { node, flows, needed, builder throws(GraphError) in
            if needed.count > 2, needed[2] {
                throw node.error(.unsupported, "the padding's value is trained, which has no gradient")
            }
            return try behind("PadGradient")(node, flows, needed, &builder)
        },
        "Resize": { node, flows, needed, builder throws(GraphError) in
            try behind("ResizeGradient", function: "Resize")(node, flows, needed, &builder)
        },
        "Upsample": { node, flows, needed, builder throws(GraphError) in
            try behind("ResizeGradient", function: "Upsample")(node, flows, needed, &builder)
        },
        "Gather": indexed("GatherGradient"),
        "GatherElements": indexed("GatherElementsGradient"),
        "GatherND": indexed("GatherNDGradient"),
        "RowLookup": { node, flows, needed, builder throws(GraphError) in
            guard needed[0], let flow = flows[0] else { return [nil, nil] }
            return [
                builder.add(
                    "GatherGradient", [flow] + node.inputs, attributes: ["isLookup": .int(1)], like: node.inputs[0]),
                nil,
            ]
        },
        "TopK": { node, flows, needed, builder throws(GraphError) in
            var results = [String?](repeating: nil, count: node.inputs.count)
            guard needed[0], let flow = flows[0] else { return results }
            results[0] = builder.add(
                "GatherElementsGradient", [flow, node.inputs[0], node.outputs[1]],
                attributes: ["axis": node.attributes["axis"] ?? .int(-1)], like: node.inputs[0])
            return results
        },
        "ScatterElements": scatter(gathering: "GatherElements"),
        "Scatter": scatter(gathering: "GatherElements"),
        "ScatterND": scatter(gathering: "GatherND"),
        "DepthToSpace": { node, flows, _, builder throws(GraphError) in
            [flows[0].map { builder.add("SpaceToDepth", [$0], attributes: node.attributes, like: node.inputs[0]) }]
        },
        "SpaceToDepth": { node, flows, _, builder throws(GraphError) in
            [flows[0].map { builder.add("DepthToSpace", [$0], attributes: node.attributes, like: node.inputs[0]) }]
        },
        "ReverseAxis": itself,
        "ReverseSequence": itself,
        "MaskSteps": itself,
        "Trilu": itself,
        "CumSum": { node, flows, needed, builder throws(GraphError) in
            guard needed[0], let flow = flows[0] else { return [nil, nil] }
            var reader = builder.reader(node)
            var attributes = node.attributes
            attributes["reverse"] = .int(try reader.bool("reverse", default: false) ? 0 : 1)
            return [
                builder.add("CumSum", [flow, node.inputs[1]], attributes: attributes, like: node.inputs[0]), nil,
            ]
        },
        "RotaryEmbedding": { node, flows, needed, builder throws(GraphError) in
            var results = [String?](repeating: nil, count: node.inputs.count)
            guard let flow = flows[0] else { return results }
            for index in 1..<3 where needed[index] {
                throw node.error(.unsupported, "the table '\(node.inputs[index])' is trained, which has no gradient")
            }
            // A rotation is undone by the opposite angle.
            let sines = builder.add("Neg", [node.inputs[2]])
            results[0] = builder.add(
                "RotaryEmbedding", [flow, node.inputs[1], sines] + node.inputs.dropFirst(3),
                attributes: node.attributes, like: node.inputs[0])
            return results
        },
        "ScaledDotProductAttention": { node, flows, needed, builder throws(GraphError) in
            var results = [String?](repeating: nil, count: node.inputs.count)
            guard let flow = flows[0] else { return results }
            var operands = node.inputs + [String](repeating: "", count: max(0, 4 - node.inputs.count))
            guard operands.dropFirst(4).allSatisfy(\.isEmpty) else {
                throw node.error(.unsupported, "a cache of keys and values has no gradient")
            }
            operands = operands.prefix(4) + [flow]
            let isPacked = operands[1].isEmpty
            let outputs = builder.add(
                "AttentionGradient", operands, outputs: isPacked ? [true] : [true, true, true],
                attributes: node.attributes, like: Array(operands.prefix(isPacked ? 1 : 3)))
            for index in outputs.indices where needed[index] { results[index] = outputs[index] }
            return results
        },
        "TokenEmbedding": { node, flows, needed, builder throws(GraphError) in
            var results = [String?](repeating: nil, count: node.inputs.count)
            guard let flow = flows[0] else { return results }
            let operands = node.inputs + [String](repeating: "", count: max(0, 6 - node.inputs.count))
            let tables = [1, 2, 4]
            let wanted = tables.map { $0 < needed.count && needed[$0] }
            let last = wanted.lastIndex(of: true) ?? 0
            let outputs = builder.add(
                "TokenEmbeddingGradient", operands + [flow], outputs: Array(wanted[...last]),
                attributes: node.attributes, like: tables.map { operands[$0].isEmpty ? nil : operands[$0] })
            for index in outputs.indices where wanted[index] { results[tables[index]] = outputs[index] }
            return results
        },
    ]

    private static let reshape: GradientRule = { node, flows, needed, builder throws(GraphError) in
        var results = [String?](repeating: nil, count: node.inputs.count)
        if needed[0], let flow = flows[0] { results[0] = builder.reshaped(flow, like: node.inputs[0]) }
        return results
    }

    /// The operator applied to the gradient, its other operands the same.
    private static let itself: GradientRule = { node, flows, needed, builder throws(GraphError) in
        var results = [String?](repeating: nil, count: node.inputs.count)
        if needed[0], let flow = flows[0] {
            results[0] = builder.add(
                node.operatorType, [flow] + node.inputs.dropFirst(), attributes: node.attributes,
                like: node.inputs[0])
        }
        return results
    }

    /// An operator that takes the node's own operands, and the gradient behind them.
    private static func behind(_ operatorType: String, function: String? = nil) -> GradientRule {
        { node, flows, needed, builder throws(GraphError) in
            var results = [String?](repeating: nil, count: node.inputs.count)
            guard needed[0], let flow = flows[0] else { return results }
            var attributes = node.attributes
            if let function { attributes["function"] = .string(function) }
            results[0] = builder.add(operatorType, node.inputs + [flow], attributes: attributes, like: node.inputs[0])
            return results
        }
    }

    /// An operator that takes the gradient, the data and the indices.
    private static func indexed(_ operatorType: String) -> GradientRule {
        { node, flows, needed, builder throws(GraphError) in
            guard needed[0], let flow = flows[0] else { return [nil, nil] }
            return [
                builder.add(operatorType, [flow] + node.inputs, attributes: node.attributes, like: node.inputs[0]),
                nil,
            ]
        }
    }

    /// The places that updates overwrite or are added to.
    private static func scatter(gathering operatorType: String) -> GradientRule {
        { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [nil, nil, nil] }
            var attributes = node.attributes
            var reduction = "none"
            if case .string(let name)? = attributes.removeValue(forKey: "reduction") { reduction = name }
            guard reduction == "none" || reduction == "add" else {
                throw node.error(.unsupported, "reduction '\(reduction)' has no gradient, supported: none, add")
            }
            var results: [String?] = [nil, nil, nil]
            if needed[0] {
                results[0] = flow
                if reduction == "none" {
                    let zeros = builder.expanded(builder.scalar(0, like: node.inputs[2]), like: node.inputs[2])
                    results[0] = builder.add(
                        node.operatorType, [flow, node.inputs[1], zeros], attributes: attributes,
                        like: node.inputs[0])
                }
            }
            if needed[2] {
                results[2] = builder.add(
                    operatorType, [flow, node.inputs[1]], attributes: attributes, like: node.inputs[2])
            }
            return results
        }
    }
}
