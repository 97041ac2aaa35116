/// StringNormalizer (opset 10): texts without stop words, in upper or lower case.
struct StringNormalizerOperator: WholeTensorOperator {
    static var strings: StringHandling { .read }

    private let action: String
    private let isCaseSensitive: Bool
    private let stopWords: Set<StringKey>

    init(_ node: inout NodeReader) throws(GraphError) {
        action = try node.string("case_change_action", default: "NONE")
        guard ["NONE", "LOWER", "UPPER"].contains(action) else {
            throw node.error(.invalidGraph, "case_change_action is '\(action)', expected NONE, LOWER or UPPER")
        }
        let isCaseSensitive = try node.bool("is_case_sensitive", default: false)
        self.isCaseSensitive = isCaseSensitive
        // Case follows Unicode, whatever the locale.
        _ = try node.string("locale", default: "")
        let words = try node.strings("stopwords") ?? []
        stopWords = Set(words.map { StringKey(isCaseSensitive ? $0 : $0.lowercased()) })
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let shape = try operands.shape(0)
        guard shape.rank == 1 || shape.rank == 2 && shape[0] == 1 else {
            throw operands.error(.shapeMismatch, "input is \(shape), expected [C] or [1, C]")
        }
        var texts = try operands.strings(0).filter {
            !stopWords.contains(StringKey(isCaseSensitive ? $0 : $0.lowercased()))
        }
        // What is empty becomes one empty text (ONNX, "StringNormalizer").
        if texts.isEmpty { texts = [""] }
        switch action {
        case "LOWER": texts = texts.map { $0.lowercased() }
        case "UPPER": texts = texts.map { $0.uppercased() }
        default: break
        }
        let target = try operands.makeShape((shape.rank == 2 ? [1] : []) + [texts.count])
        return [try operands.stringTensor(target, texts)]
    }
}
