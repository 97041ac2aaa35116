extension GradientRules {
    /// The training form is its own gradient: the same elements are dropped, the others scaled alike.
    static let dropout: [String: GradientRule] = [
        "DropoutTraining": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0], needed[0] else { return [] }
            let x = node.inputs[0]
            return [builder.add(node.operatorType, [flow, node.inputs[1]], attributes: node.attributes, like: x)]
        }
    ]
}

extension TrainingForms {
    /// Dropout that drops, whatever training_mode says: a graph that serves has it off. A ratio of 0 changes nothing.
    static let dropout: TrainingForm = { node, builder throws(GraphError) in
        var reader = builder.reader(node)
        var ratio = try reader.float("ratio", default: 0.5)
        if node.inputs.count > 1, !node.inputs[1].isEmpty {
            guard let value = builder.initializer(node.inputs[1])?.converted(to: .float64),
                let first = value.withElements(Double.self, { $0.first })
            else {
                throw node.error(
                    .unsupported, "ratio '\(node.inputs[1])' is computed, supported in training: a constant")
            }
            ratio = Float(first)
        }
        guard ratio >= 0, ratio < 1 else {
            throw node.error(.invalidGraph, "ratio is \(ratio), expected at least 0 and less than 1")
        }
        var form = node
        form.operatorType = "DropoutTraining"
        form.inputs = [node.inputs[0], builder.seed()]
        form.attributes = ["ratio": .float(ratio), "stream": .int(builder.nextStream())]
        builder.add(form)
    }
}
