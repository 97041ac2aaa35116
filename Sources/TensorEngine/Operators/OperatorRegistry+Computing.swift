extension OperatorRegistry {
    /// Normalizations, losses, attention and products beyond the vector kernels.
    static let computingEntries: [String: Entry] = [
        "Attention": Entry(StandardAttentionOperator.self, inputs: 3...7, outputs: 1...4),
        "CausalConvWithState": Entry(CausalConvolutionOperator.self, inputs: 2...4, outputs: 1...2),
        "Einsum": Entry(EinsumOperator.self, inputs: 1...Int.max),
        "GroupNormalization": Entry(StatisticsOperator.self, inputs: 3...3),
        "Hardmax": Entry(AxisFunctionOperator.self, inputs: 1...1),
        "InstanceNormalization": Entry(StatisticsOperator.self, inputs: 3...3),
        "LRN": Entry(LRNOperator.self, inputs: 1...1),
        "LayerNormalization": Entry(LayerNormalizationOperator.self, inputs: 2...3, outputs: 1...3),
        "LinearAttention": Entry(LinearAttentionOperator.self, inputs: 3...6, outputs: 1...2),
        "LogSoftmax": Entry(AxisFunctionOperator.self, inputs: 1...1),
        "LpNormalization": Entry(AxisFunctionOperator.self, inputs: 1...1),
        "MeanVarianceNormalization": Entry(StatisticsOperator.self, inputs: 1...1),
        "NegativeLogLikelihoodLoss": Entry(LossOperator.self, inputs: 2...3),
        "RMSNormalization": Entry(StatisticsOperator.self, inputs: 2...2),
        "RotaryEmbedding": Entry(RotaryEmbeddingOperator.self, inputs: 3...4),
        "SoftmaxCrossEntropyLoss": Entry(LossOperator.self, inputs: 2...3, outputs: 1...2),
    ]
}
