extension OperatorRegistry {
    /// The engine's own operators of which gradients are made. Graphs from files do not have them.
    static let gradientEntries: [String: Entry] = [
        "AsMatrix": Entry(AsMatrixOperator.self, inputs: 1...1),
        "AttentionGradient": Entry(AttentionGradientOperator.self, inputs: 5...5, outputs: 1...3),
        "BinaryGradient": Entry(BinaryGradientOperator.self, inputs: 3...3),
        "ClipGradient": Entry(ClipGradientOperator.self, inputs: 2...4),
        "ConcatGradient": Entry(ConcatGradientOperator.self, inputs: 2...Int.max, outputs: 1...Int.max),
        "FunctionGradient": Entry(FunctionGradientOperator.self, inputs: 2...2),
        "GatherElementsGradient": Entry(GatherElementsGradientOperator.self, inputs: 3...3),
        "GatherGradient": Entry(GatherGradientOperator.self, inputs: 3...3),
        "GatherNDGradient": Entry(GatherElementsGradientOperator.self, inputs: 3...3),
        "LRNGradient": Entry(LRNGradientOperator.self, inputs: 2...2),
        "LossGradient": Entry(LossGradientOperator.self, inputs: 3...4),
        "MatMulGradient": Entry(MatMulGradientOperator.self, inputs: 3...3),
        "NormalizationGradient": Entry(NormalizationGradientOperator.self, inputs: 3...3, outputs: 1...3),
        "PadGradient": Entry(PadGradientOperator.self, inputs: 2...5),
        "ReductionGradient": Entry(ReductionGradientOperator.self, inputs: 2...4),
        "ResizeGradient": Entry(ResizeGradientOperator.self, inputs: 2...5),
        "SliceGradient": Entry(SliceGradientOperator.self, inputs: 2...6),
        "SoftmaxGradient": Entry(SoftmaxGradientOperator.self, inputs: 2...3),
        "SumToShape": Entry(SumToShapeOperator.self, inputs: 1...2),
        "TileGradient": Entry(TileGradientOperator.self, inputs: 2...2),
        "TokenEmbeddingGradient": Entry(TokenEmbeddingGradientOperator.self, inputs: 7...7, outputs: 1...3),
        "TokenPoolingGradient": Entry(TokenPoolingGradientOperator.self, inputs: 3...3),
    ]
}
