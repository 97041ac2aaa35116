import JSONDocuments

/// Tokens that are found in the text before anything else splits it, as "[MASK]" (Hugging Face tokenizers, `AddedToken`).
struct AddedTokens: Sendable {
    struct Token: Sendable {
        let id: Int32
        let content: [Unicode.Scalar]
        let isSingleWord: Bool
        let stripsLeft: Bool
        let stripsRight: Bool
        let isNormalized: Bool
    }

    enum Part {
        case text(ArraySlice<Unicode.Scalar>)
        case token(Int32)
    }

    /// By first character, the longest first.
    private var tokens: [Unicode.Scalar: [Token]] = [:]
    private(set) var ids: [String: Int32] = [:]

    init() {}

    /// - Parameter normalize: applied to the content of tokens that are looked for in normalized text.
    init(_ list: JSONCursor?, normalize: ([Unicode.Scalar]) -> [Unicode.Scalar]) throws(JSONError) {
        for cursor in try list?.elements() ?? [] {
            let content = try cursor.member("content").string()
            let number = try cursor.member("id")
            guard let id = Int32(exactly: try number.integer()), id >= 0 else {
                throw number.failure("expected at least 0")
            }
            func flag(_ name: String) throws(JSONError) -> Bool { try cursor.optionalMember(name)?.bool() ?? false }
            let isNormalized = try flag("normalized")
            let scalars = Array(content.unicodeScalars)
            let token = Token(
                id: id, content: isNormalized ? normalize(scalars) : scalars, isSingleWord: try flag("single_word"),
                stripsLeft: try flag("lstrip"), stripsRight: try flag("rstrip"), isNormalized: isNormalized)
            ids[content] = id
            guard let first = token.content.first else { continue }
            tokens[first, default: []].append(token)
        }
        for key in tokens.keys { tokens[key]?.sort { $0.content.count > $1.content.count } }
    }

    /// Cuts the text at the tokens that are looked for in normalized text, or those in text as it came.
    func split(_ text: ArraySlice<Unicode.Scalar>, normalized: Bool) -> [Part] {
        var parts: [Part] = []
        var start = text.startIndex
        var index = start
        while index < text.endIndex {
            guard let token = match(text, index, normalized) else {
                index += 1
                continue
            }
            var (from, to) = (index, index + token.content.count)
            if token.stripsLeft { while from > start, UnicodeText.isWhitespace(text[from - 1]) { from -= 1 } }
            if token.stripsRight { while to < text.endIndex, UnicodeText.isWhitespace(text[to]) { to += 1 } }
            if from > start { parts.append(.text(text[start..<from])) }
            parts.append(.token(token.id))
            (start, index) = (to, to)
        }
        if start < text.endIndex { parts.append(.text(text[start...])) }
        return parts
    }

    private func match(_ text: ArraySlice<Unicode.Scalar>, _ index: Int, _ normalized: Bool) -> Token? {
        tokens[text[index]]?.first { token in
            guard token.isNormalized == normalized, text[index...].starts(with: token.content) else { return false }
            guard token.isSingleWord else { return true }
            let end = index + token.content.count
            let isWord = { (scalar: Unicode.Scalar) in
                UnicodeText.isLetter(scalar) || UnicodeText.isNumber(scalar) || scalar == "_"
            }
            return !(index > text.startIndex && isWord(text[index - 1])) && !(end < text.endIndex && isWord(text[end]))
        }
    }
}
