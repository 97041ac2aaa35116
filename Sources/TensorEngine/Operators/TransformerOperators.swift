/// The operators that imported transformers are made of. LayerNormalization and Gelu are ONNX's; the others are the engine's
/// own, each one step where ONNX would take a dozen.
enum TransformerOperators {
    static let entries: [String: OperatorRegistry.Entry] = [
        "Gelu": .init(GeluOperator.self, inputs: 1...1),
        "LayerNormalization": .init(LayerNormalizationOperator.self, inputs: 2...3),
        "SkipLayerNormalization": .init(LayerNormalizationOperator.self, inputs: 3...4),
        "Linear": .init(LinearOperator.self, inputs: 2...3),
        "ScaledDotProductAttention": .init(AttentionOperator.self, inputs: 1...7),
        "TokenEmbedding": .init(TokenEmbeddingOperator.self, inputs: 2...6),
        "TokenPooling": .init(TokenPoolingOperator.self, inputs: 1...2),
    ]
}
