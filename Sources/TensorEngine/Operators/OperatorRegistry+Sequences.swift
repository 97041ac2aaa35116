extension OperatorRegistry {
    /// The operators of sequences: ONNX's recurrent layers, and what Keras's layers need beyond ONNX.
    static let sequenceEntries: [String: Entry] = [
        "GRU": Entry(GRUOperator.self, inputs: 3...6, outputs: 1...2),
        "LSTM": Entry(LSTMOperator.self, inputs: 3...8, outputs: 1...3),
        "RNN": Entry(RNNOperator.self, inputs: 3...6, outputs: 1...2),
        "MaskedGRU": Entry(GRUOperator.self, inputs: 7...7, outputs: 1...2),
        "MaskedLSTM": Entry(LSTMOperator.self, inputs: 9...9, outputs: 1...3),
        "MaskedRNN": Entry(RNNOperator.self, inputs: 7...7, outputs: 1...2),
        "MaskSteps": Entry(MaskStepsOperator.self, inputs: 2...2),
        "ReverseAxis": Entry(ReverseAxisOperator.self, inputs: 1...1),
        "RowLookup": Entry(RowLookupOperator.self, inputs: 2...2),
        "StepMask": Entry(StepMaskOperator.self, inputs: 1...1),
    ]
}
