extension GradientRules {
    /// The training form; the statistics are functions of the input too.
    static let batchNormalization: [String: GradientRule] = [
        "BatchNormalizationTraining": { node, flows, needed, builder throws(GraphError) in
            guard let flow = flows[0] else { return [] }
            let (x, scale) = (node.inputs[0], node.inputs[1])
            let results = builder.add(
                "BatchNormalizationGradient", [flow, x, scale, node.outputs[3], node.outputs[4]],
                outputs: [needed[0], needed[1], needed[2]], like: [x, scale, node.inputs[2]])
            return results.map { $0.isEmpty ? nil : $0 }
        }
    ]
}

extension TrainingForms {
    /// The batch's statistics instead of the running ones, which become states.
    static let batchNormalization: TrainingForm = { node, builder throws(GraphError) in
        var reader = builder.reader(node)
        guard try reader.bool("spatial", default: true) else {
            throw node.error(.unsupported, "spatial is 0, supported: 1")
        }
        guard node.inputs.count == 5, node.outputs.count >= 1 else {
            throw node.error(.invalidGraph, "has \(node.inputs.count) inputs, expected 5")
        }
        var form = builder.sharingStates(node)
        form.operatorType = "BatchNormalizationTraining"
        form.attributes = node.attributes.filter { ["epsilon", "momentum"].contains($0.key) }
        form.outputs = [node.outputs[0]]
        for (index, name) in ["running_mean", "running_variance", "mean", "deviation"].enumerated() {
            let output = builder.uniqueName("\(node.name)/\(name)")
            form.outputs.append(output)
            if index < 2 { try builder.addState(form.inputs[3 + index], updated: output, by: node) }
        }
        builder.add(form)
    }
}
