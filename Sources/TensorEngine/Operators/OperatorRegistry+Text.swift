extension OperatorRegistry {
    /// Operators on text.
    static let textEntries: [String: Entry] = [
        "StringConcat": Entry(StringConcatOperator.self, inputs: 2...2),
        "StringNormalizer": Entry(StringNormalizerOperator.self, inputs: 1...1),
        "StringSplit": Entry(StringSplitOperator.self, inputs: 1...1, outputs: 2...2),
        "TfIdfVectorizer": Entry(TfIdfVectorizerOperator.self, inputs: 1...1),
    ]
}
