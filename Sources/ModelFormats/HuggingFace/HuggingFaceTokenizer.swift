import JSONDocuments

/// The tokenizer of a folder as the document that ``TextTokenizer`` reads: `tokenizer.json` itself, or one made of
/// `vocab.txt` (WordPiece), or of `vocab.json` and `merges.txt` (byte-level byte pairs).
enum HuggingFaceTokenizer {
    /// - Returns: nil for a folder without a tokenizer.
    static func document(_ folder: HuggingFaceFolder, modelType: String) throws(ModelFormatError) -> JSONValue? {
        if let root = try folder.json("tokenizer.json"), case .object(let members) = root.value {
            let read: Set = ["added_tokens", "normalizer", "pre_tokenizer", "post_processor", "model"]
            return .object(members.filter { read.contains($0.key) })
        }
        let settings = try folder.json("tokenizer_config.json")
        if folder.has("vocab.txt") { return try wordPiece(folder, settings) }
        if let vocabulary = try folder.json("vocab.json"), folder.has("merges.txt") {
            return try bytePairs(folder, vocabulary, isRoBERTa: modelType == "roberta")
        }
        return nil
    }

    private static func lines(_ folder: HuggingFaceFolder, _ name: String) throws(ModelFormatError) -> [String] {
        let file = try folder.bytes(name)
        guard file.bytes.count <= folder.limits.maximumJSONBytes else {
            throw ModelFormatError(
                .tooLarge, file: file.path,
                "found \(file.bytes.count) bytes, the limit is \(folder.limits.maximumJSONBytes)")
        }
        var lines = file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    private static func wordPiece(
        _ folder: HuggingFaceFolder, _ settings: JSONCursor?
    ) throws(ModelFormatError) -> JSONValue {
        var vocabulary: [String: JSONValue] = [:]
        // Pairs: an object would lose tokens that only their normal form tells apart.
        var pairs: [JSONValue] = []
        for (index, token) in try lines(folder, "vocab.txt").enumerated() {
            vocabulary[token] = .integer(Int64(index))
            pairs.append([.string(token), .integer(Int64(index))])
        }
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        let path = "\(folder.path)/vocab.txt"
        for token in special where vocabulary[token] == nil && token != "[MASK]" {
            throw ModelFormatError(.missing, file: path, "the token '\(token)' is not in the vocabulary")
        }
        let added = special.compactMap { token -> JSONValue? in
            vocabulary[token].map { ["content": .string(token), "id": $0, "normalized": false] }
        }
        func pair(_ token: String) -> JSONValue { [.string(token), vocabulary[token] ?? 0] }
        var normalizer: [String: JSONValue] = ["type": "BertNormalizer"]
        let names = [
            ("do_lower_case", "lowercase"), ("strip_accents", "strip_accents"),
            ("tokenize_chinese_chars", "handle_chinese_chars"),
        ]
        if case .object(let members)? = settings?.value {
            for (setting, name) in names { if let value = members[setting] { normalizer[name] = value } }
        }
        return [
            "added_tokens": .array(added), "normalizer": .object(normalizer),
            "pre_tokenizer": ["type": "BertPreTokenizer"],
            "post_processor": ["type": "BertProcessing", "cls": pair("[CLS]"), "sep": pair("[SEP]")],
            "model": ["type": "WordPiece", "vocab": .array(pairs)],
        ]
    }

    private static func bytePairs(
        _ folder: HuggingFaceFolder, _ vocabulary: JSONCursor, isRoBERTa: Bool
    ) throws(ModelFormatError) -> JSONValue {
        let ids: [String: JSONValue]
        switch vocabulary.value {
        case .object(let members): ids = members
        case .array(let pairs):
            // Only special tokens are looked up, which are ASCII.
            ids = pairs.reduce(into: [:]) { ids, pair in
                if case .array(let parts) = pair, parts.count == 2, case .string(let token) = parts[0] {
                    ids[token] = parts[1]
                }
            }
        default:
            throw ModelFormatError(.malformed, file: "\(folder.path)/vocab.json", "found no object of tokens")
        }
        let merges = try lines(folder, "merges.txt").filter { !$0.hasPrefix("#version") && !$0.isEmpty }
        let special = isRoBERTa ? ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] : ["<|endoftext|>"]
        let added = special.compactMap { token -> JSONValue? in
            ids[token].map {
                ["content": .string(token), "id": $0, "normalized": false, "lstrip": .bool(token == "<mask>")]
            }
        }
        var document: [String: JSONValue] = [
            "added_tokens": .array(added),
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
            "model": ["type": "BPE", "vocab": vocabulary.value, "merges": .array(merges.map { .string($0) })],
        ]
        if isRoBERTa {
            guard let begin = ids["<s>"], let end = ids["</s>"] else {
                throw ModelFormatError(
                    .missing, file: "\(folder.path)/vocab.json", "the tokens <s> and </s> are missing")
            }
            document["post_processor"] = ["type": "RobertaProcessing", "cls": ["<s>", begin], "sep": ["</s>", end]]
        }
        return .object(document)
    }
}
