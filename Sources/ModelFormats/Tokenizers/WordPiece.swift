import JSONDocuments

/// WordPiece over BERT's basic tokenizer (Devlin et al., 2019; Hugging Face tokenizers, `BertNormalizer`,
/// `BertPreTokenizer`, `WordPiece`): text is cleaned, split at spaces, punctuation and ideographs, and each word is cut
/// greedily into the longest pieces that the vocabulary has.
struct WordPiece: Sendable {
    struct Normalization: Sendable {
        var cleans = true
        var separatesIdeographs = true
        var stripsAccents = true
        var lowercases = true
    }

    private let normalization: Normalization
    private let maximumWordLength: Int
    private let unknown: Int32
    /// Pieces at the beginning of a word, and those behind it without their prefix, by their UTF-8.
    private var starts: [ArraySlice<UInt8>: Int32] = [:]
    private var continuations: [ArraySlice<UInt8>: Int32] = [:]

    init(_ model: JSONCursor, _ normalization: Normalization) throws(JSONError) {
        self.normalization = normalization
        let vocabulary = try TokenizerVocabulary(model.member("vocab"))
        let unknownToken = try model.optionalMember("unk_token")?.string() ?? "[UNK]"
        guard let unknown = vocabulary[unknownToken] else {
            throw model.failure("unk_token '\(unknownToken)' is not in the vocabulary")
        }
        self.unknown = unknown
        maximumWordLength = try model.optionalMember("max_input_chars_per_word")?.integer() ?? 100
        let prefix = Array((try model.optionalMember("continuing_subword_prefix")?.string() ?? "##").utf8)
        for (bytes, id) in vocabulary.ids {
            starts[bytes[...]] = id
            if bytes.starts(with: prefix) { continuations[bytes[prefix.count...]] = id }
        }
    }

    func normalized(_ text: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            if normalization.cleans {
                if scalar.value == 0 || scalar.value == 0xFFFD || UnicodeText.isControl(scalar) { continue }
                if UnicodeText.isWhitespace(scalar) {
                    result.append(" ")
                    continue
                }
            }
            if normalization.separatesIdeographs, UnicodeText.isIdeograph(scalar) {
                result.append(" ")
                result.append(scalar)
                result.append(" ")
            } else {
                result.append(scalar)
            }
        }
        if normalization.stripsAccents {
            var stripped: [Unicode.Scalar] = []
            stripped.reserveCapacity(result.count)
            for scalar in result { UnicodeText.appendWithoutAccents(scalar, to: &stripped) }
            result = stripped
        }
        if normalization.lowercases {
            var lower: [Unicode.Scalar] = []
            lower.reserveCapacity(result.count)
            for scalar in result {
                if scalar.isASCII {
                    lower.append(("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
                } else {
                    lower += scalar.properties.lowercaseMapping.unicodeScalars
                }
            }
            result = lower
        }
        return result
    }

    /// The ids of text that is normalized.
    func append(_ text: ArraySlice<Unicode.Scalar>, to ids: inout [Int32]) {
        var start = text.startIndex
        var index = start
        while index < text.endIndex {
            let scalar = text[index]
            if UnicodeText.isWhitespace(scalar) {
                appendWord(text[start..<index], to: &ids)
                start = index + 1
            } else if UnicodeText.isPunctuation(scalar) {
                appendWord(text[start..<index], to: &ids)
                appendWord(text[index...index], to: &ids)
                start = index + 1
            }
            index += 1
        }
        appendWord(text[start..<text.endIndex], to: &ids)
    }

    private func appendWord(_ word: ArraySlice<Unicode.Scalar>, to ids: inout [Int32]) {
        guard !word.isEmpty else { return }
        guard word.count <= maximumWordLength else {
            ids.append(unknown)
            return
        }
        var bytes: [UInt8] = []
        var boundaries = [0]
        for scalar in word {
            bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            boundaries.append(bytes.count)
        }
        let first = ids.count
        var start = 0
        while start < word.count {
            var end = word.count
            var found: Int32?
            while end > start {
                let piece = bytes[boundaries[start]..<boundaries[end]]
                found = start == 0 ? starts[piece] : continuations[piece]
                if found != nil { break }
                end -= 1
            }
            guard let found else {
                ids.removeSubrange(first...)
                ids.append(unknown)
                return
            }
            ids.append(found)
            start = end
        }
    }
}
