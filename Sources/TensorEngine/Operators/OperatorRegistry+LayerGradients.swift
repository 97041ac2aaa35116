extension OperatorRegistry {
    /// Gradients and training forms of convolutions, pools, recurrent layers, normalizations over the batch and
    /// Dropout.
    static let layerGradientEntries: [String: Entry] = {
        var entries: [String: Entry] = [
            "AveragePoolGradient": Entry(PoolGradientOperator.self, inputs: 2...2),
            "BatchNormalizationGradient": Entry(
                BatchNormalizationGradientOperator.self, inputs: 5...5, outputs: 3...3),
            "BatchNormalizationTraining": Entry(
                BatchNormalizationTrainingOperator.self, inputs: 5...5, outputs: 5...5),
            "ChannelSum": Entry(ChannelSumOperator.self, inputs: 1...1),
            "ConvInputGradient": Entry(ConvInputGradientOperator.self, inputs: 3...3),
            "ConvTransposeInputGradient": Entry(ConvTransposeGradientOperator.self, inputs: 3...3),
            "ConvTransposeWeightGradient": Entry(ConvTransposeGradientOperator.self, inputs: 3...3),
            "ConvWeightGradient": Entry(ConvWeightGradientOperator.self, inputs: 3...3),
            "DropoutTraining": Entry(DropoutTrainingOperator.self, inputs: 2...2, outputs: 1...2),
            "GlobalAveragePoolGradient": Entry(GlobalPoolGradientOperator.self, inputs: 2...2),
            "GlobalMaxPoolGradient": Entry(GlobalPoolGradientOperator.self, inputs: 2...2),
            "MaxPoolGradient": Entry(PoolGradientOperator.self, inputs: 2...2),
        ]
        for (cell, inputs) in [("RNN", 6), ("GRU", 6), ("LSTM", 8)] {
            // Y, Y_h and, of LSTM, Y_c; then what is kept.
            let outputs = cell == "LSTM" ? 4 : 3
            entries["\(cell)Training"] = Entry(
                RecurrentTrainingOperator.self, inputs: 3...inputs, outputs: outputs...outputs)
            entries["Masked\(cell)Training"] = Entry(
                RecurrentTrainingOperator.self, inputs: inputs + 1...inputs + 1, outputs: outputs...outputs)
            entries["\(cell)Gradient"] = Entry(RecurrentGradientOperator.self, inputs: 12...12, outputs: 6...6)
            entries["Masked\(cell)Gradient"] = Entry(RecurrentGradientOperator.self, inputs: 13...13, outputs: 6...6)
        }
        return entries
    }()
}
