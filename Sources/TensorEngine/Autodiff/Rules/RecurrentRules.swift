extension GradientRules {
    /// RNN, LSTM and GRU through time.
    static let recurrentLayers: [String: GradientRule] = [
        "GRUTraining": recurrent, "LSTMTraining": recurrent, "RNNTraining": recurrent,
        "MaskedGRUTraining": recurrent, "MaskedLSTMTraining": recurrent, "MaskedRNNTraining": recurrent,
    ]

    private static let recurrent: GradientRule = { node, flows, needed, builder throws(GraphError) in
        let type = node.operatorType.replacingSuffix("Training", with: "Gradient")
        let isMasked = type.hasPrefix("Masked")
        let inputs = isMasked ? Array(node.inputs.dropLast()) : node.inputs
        func input(_ index: Int) -> String { index < inputs.count ? inputs[index] : "" }
        var operands = [input(0), input(1), input(2), "", input(4), "", "", "", node.outputs[node.outputs.count - 1]]
        // Y, Y_h and, of LSTM, Y_c; what is kept has no gradient.
        let states = flows[1..<(node.outputs.count - 1)]
        operands += [flows[0] ?? "", (states.first ?? nil) ?? "", states.count > 1 ? (states.last ?? nil) ?? "" : ""]
        if isMasked { operands.append(node.inputs[node.inputs.count - 1]) }
        // X, W, R, B, initial_h, initial_c.
        let places = [0, 1, 2, 3, 5, 6]
        let present = places.map { $0 < inputs.count && needed[$0] }
        let results = builder.add(
            type, operands, outputs: present, attributes: node.attributes,
            like: places.map { $0 < inputs.count ? inputs[$0] : nil })
        var gradients = [String?](repeating: nil, count: node.inputs.count)
        for (place, result) in zip(places, results) where !result.isEmpty { gradients[place] = result }
        return gradients
    }
}

extension TrainingForms {
    /// The layers with one more output, which keeps gates and states; where no gradient is asked for, as they are.
    static let recurrentLayers: [String: TrainingForm] = [
        "GRU": recurrent, "LSTM": recurrent, "RNN": recurrent,
        "MaskedGRU": recurrent, "MaskedLSTM": recurrent, "MaskedRNN": recurrent,
    ]

    private static let recurrent: TrainingForm = { node, builder throws(GraphError) in
        guard node.outputs.contains(where: builder.carriesGradient) else { return builder.add(node) }
        var form = node
        form.operatorType = "\(node.operatorType)Training"
        let count = node.operatorType.hasSuffix("LSTM") ? 3 : 2
        form.outputs += [String](repeating: "", count: max(0, count - node.outputs.count))
        form.outputs.append(builder.uniqueName("\(node.name)/kept"))
        builder.add(form)
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) + other : self
    }
}
