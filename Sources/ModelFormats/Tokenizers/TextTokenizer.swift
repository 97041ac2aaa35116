package import JSONDocuments

/// Text to token ids, as a `tokenizer.json` of Hugging Face tokenizers describes it: WordPiece behind BERT's normalizer, or
/// byte-level byte-pair encoding; then the special tokens around it.
package struct TextTokenizer: Sendable {
    private enum Model: Sendable {
        case wordPiece(WordPiece)
        case bytePairs(BytePairs)
    }

    private let model: Model
    private let addedTokens: AddedTokens
    private let prefix: [Int32]
    private let suffix: [Int32]

    /// - Throws: ``JSONError`` naming the member that is malformed or asks for something that is not supported.
    package init(_ root: JSONCursor) throws(JSONError) {
        let cursor = try root.member("model")
        let type = try cursor.optionalMember("type")?.string() ?? "BPE"
        switch type {
        case "WordPiece":
            let normalization = try Self.normalization(root)
            let pre = try root.optionalMember("pre_tokenizer")
            try Self.require(pre, "BertPreTokenizer")
            let wordPiece = try WordPiece(cursor, normalization)
            model = .wordPiece(wordPiece)
            addedTokens = try AddedTokens(root.optionalMember("added_tokens")) { wordPiece.normalized($0[...]) }
        case "BPE":
            if let normalizer = try root.optionalMember("normalizer") {
                throw normalizer.failure("is not supported in front of byte-level byte-pair encoding")
            }
            guard let pre = try root.optionalMember("pre_tokenizer") else {
                throw root.failure("pre_tokenizer: missing, supported for BPE: ByteLevel")
            }
            try Self.require(pre, "ByteLevel")
            let bytePairs = try BytePairs(
                cursor, addsPrefixSpace: try pre.optionalMember("add_prefix_space")?.bool() ?? true,
                splitsWords: try pre.optionalMember("use_regex")?.bool() ?? true)
            model = .bytePairs(bytePairs)
            addedTokens = try AddedTokens(root.optionalMember("added_tokens")) { $0 }
        default: throw cursor.failure("type '\(type)', supported: WordPiece, BPE")
        }
        (prefix, suffix) = try Self.specialTokens(root.optionalMember("post_processor"))
    }

    private static func require(_ cursor: JSONCursor?, _ type: String) throws(JSONError) {
        guard let cursor else { return }
        let found = try cursor.member("type").string()
        guard found == type else { throw cursor.failure("type '\(found)', supported here: \(type)") }
    }

    private static func normalization(_ root: JSONCursor) throws(JSONError) -> WordPiece.Normalization {
        guard let cursor = try root.optionalMember("normalizer") else {
            return .init(cleans: false, separatesIdeographs: false, stripsAccents: false, lowercases: false)
        }
        try require(cursor, "BertNormalizer")
        let lowercases = try cursor.optionalMember("lowercase")?.bool() ?? true
        return .init(
            cleans: try cursor.optionalMember("clean_text")?.bool() ?? true,
            separatesIdeographs: try cursor.optionalMember("handle_chinese_chars")?.bool() ?? true,
            stripsAccents: try cursor.optionalMember("strip_accents")?.bool() ?? lowercases, lowercases: lowercases)
    }

    private static func specialTokens(_ cursor: JSONCursor?) throws(JSONError) -> (prefix: [Int32], suffix: [Int32]) {
        guard let cursor else { return ([], []) }
        func id(_ cursor: JSONCursor) throws(JSONError) -> Int32 {
            guard let id = Int32(exactly: try cursor.integer()), id >= 0 else {
                throw cursor.failure("expected at least 0")
            }
            return id
        }
        switch try cursor.member("type").string() {
        case "ByteLevel": return ([], [])
        case "BertProcessing", "RobertaProcessing":
            let (cls, sep) = (try cursor.member("cls").elements(), try cursor.member("sep").elements())
            guard cls.count == 2, sep.count == 2 else { throw cursor.failure("cls, sep: expected a token and its id") }
            return ([try id(cls[1])], [try id(sep[1])])
        case "TemplateProcessing":
            var (prefix, suffix): ([Int32], [Int32]) = ([], [])
            var seen = false
            let tokens = try cursor.member("special_tokens")
            for piece in try cursor.member("single").elements() {
                if try piece.optionalMember("Sequence") != nil {
                    guard !seen else { throw piece.failure("the text comes twice, supported: once") }
                    seen = true
                } else {
                    let name = try piece.member("SpecialToken").member("id").string()
                    for cursor in try tokens.member(name).member("ids").elements() {
                        if seen { suffix.append(try id(cursor)) } else { prefix.append(try id(cursor)) }
                    }
                }
            }
            guard seen else { throw cursor.failure("single: the text is missing") }
            return (prefix, suffix)
        case let type:
            throw cursor.failure(
                "type '\(type)', supported: ByteLevel, BertProcessing, RobertaProcessing, TemplateProcessing")
        }
    }

    /// The ids of a text with its special tokens, cut at the end to `maximumLength` ids with them.
    package func encode(_ text: String, maximumLength: Int = .max) -> [Int32] {
        var ids: [Int32] = []
        for part in addedTokens.split(Array(text.unicodeScalars)[...], normalized: false) {
            switch part {
            case .token(let id): ids.append(id)
            case .text(let text): append(text, to: &ids)
            }
        }
        let room = max(maximumLength - prefix.count - suffix.count, 0)
        return prefix + ids.prefix(room) + suffix
    }

    private func append(_ text: ArraySlice<Unicode.Scalar>, to ids: inout [Int32]) {
        let normalized: ArraySlice<Unicode.Scalar>
        switch model {
        case .wordPiece(let model): normalized = model.normalized(text)[...]
        case .bytePairs: normalized = text
        }
        for part in addedTokens.split(normalized, normalized: true) {
            switch (part, model) {
            case (.token(let id), _): ids.append(id)
            case (.text(let text), .wordPiece(let model)): model.append(text, to: &ids)
            case (.text(let text), .bytePairs(let model)): model.append(text, to: &ids)
            }
        }
    }

    /// The text of ids, for byte-level vocabularies; nil for others. Bytes that are not UTF-8 become U+FFFD.
    package func decode(_ ids: some Sequence<Int32>) -> String? {
        guard case .bytePairs(let model) = model else { return nil }
        let added = Dictionary(addedTokens.ids.map { ($0.value, Array($0.key.utf8)) }) { first, _ in first }
        return String(decoding: ids.flatMap { added[$0] ?? model.bytes[$0] ?? [] }, as: UTF8.self)
    }
}
