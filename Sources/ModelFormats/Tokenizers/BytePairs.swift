import JSONDocuments

/// Byte-level byte-pair encoding (Radford et al., 2019, GPT-2; Hugging Face tokenizers, `ByteLevel` and `BPE`): text is cut
/// into words with their leading space, each word's bytes are merged pair by pair in the order of the learned merges.
struct BytePairs: Sendable {
    private struct Merge: Sendable {
        let rank: Int32
        let result: Int32
    }

    private let addsPrefixSpace: Bool
    private let splitsWords: Bool
    /// The token of each byte; -1 where the vocabulary has none.
    private var byteTokens = [Int32](repeating: -1, count: 256)
    private let unknown: Int32?
    private var merges: [UInt64: Merge] = [:]
    /// The bytes that a token stands for.
    private(set) var bytes: [Int32: [UInt8]] = [:]

    /// GPT-2's printable stand-ins: printable Latin-1 characters stand for themselves, the other bytes for U+0100 onwards.
    static let standIns: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) in
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                return Unicode.Scalar(UInt8(byte))
            }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? " "
        }
    }()

    init(_ model: JSONCursor, addsPrefixSpace: Bool, splitsWords: Bool) throws(JSONError) {
        self.addsPrefixSpace = addsPrefixSpace
        self.splitsWords = splitsWords
        for option in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
            if let found = try model.optionalMember(option), found.value != "", found.value != 0, found.value != 0.0 {
                throw found.failure("is not supported in byte-level byte-pair encoding")
            }
        }
        for option in ["byte_fallback", "ignore_merges"] where try model.optionalMember(option)?.bool() ?? false {
            throw try model.member(option).failure("found true, supported: false")
        }
        let vocabulary = try TokenizerVocabulary(model.member("vocab"))
        if let token = try model.optionalMember("unk_token")?.string() {
            unknown = vocabulary[token]
        } else {
            unknown = nil
        }
        var byteOf: [Unicode.Scalar: UInt8] = [:]
        for (byte, scalar) in Self.standIns.enumerated() {
            byteOf[scalar] = UInt8(byte)
            byteTokens[byte] = vocabulary[String(Character(scalar))] ?? -1
        }
        for (token, id) in vocabulary.ids {
            let scalars = String(decoding: token, as: UTF8.self).unicodeScalars
            let decoded = scalars.compactMap { byteOf[$0] }
            bytes[id] = decoded.count == scalars.count ? decoded : token
        }
        let list = try model.member("merges")
        for (rank, merge) in try list.elements().enumerated() {
            let (left, right) = try Self.pair(merge)
            guard let leftID = vocabulary[left], let rightID = vocabulary[right], let result = vocabulary[left + right],
                let rank = Int32(exactly: rank)
            else { throw merge.failure("'\(left)' and '\(right)', or both together, are not in the vocabulary") }
            merges[Self.key(leftID, rightID)] = Merge(rank: rank, result: result)
        }
    }

    /// "a b", or ["a", "b"].
    private static func pair(_ merge: JSONCursor) throws(JSONError) -> (String, String) {
        if case .string(let text) = merge.value {
            let parts = text.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw merge.failure("found '\(text)', expected two tokens") }
            return (String(parts[0]), String(parts[1]))
        }
        let parts = try merge.elements()
        guard parts.count == 2 else { throw merge.failure("found \(parts.count) elements, expected two tokens") }
        return (try parts[0].string(), try parts[1].string())
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    func append(_ text: ArraySlice<Unicode.Scalar>, to ids: inout [Int32]) {
        guard let first = text.first else { return }
        let text = addsPrefixSpace && first != " " ? ([" "] + text)[...] : text
        guard splitsWords else {
            appendWord(text, to: &ids)
            return
        }
        var start = text.startIndex
        while start < text.endIndex {
            let end = Self.wordEnd(text, start)
            appendWord(text[start..<end], to: &ids)
            start = end
        }
    }

    /// GPT-2's pattern `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` by hand.
    private static func wordEnd(_ text: ArraySlice<Unicode.Scalar>, _ start: Int) -> Int {
        if text[start] == "'" {
            let rest = text[(start + 1)...].prefix(2)
            if let next = rest.first, next == "s" || next == "t" || next == "m" || next == "d" { return start + 2 }
            if rest.count == 2, let a = rest.first, let b = rest.last,
                (a == "r" && b == "e") || (a == "v" && b == "e") || (a == "l" && b == "l")
            {
                return start + 3
            }
        }
        let hasSpace = text[start] == " " && start + 1 < text.endIndex
        let body = hasSpace && !UnicodeText.isWhitespace(text[start + 1]) ? start + 1 : start
        let first = text[body]
        var end = body + 1
        if UnicodeText.isWhitespace(first) {
            while end < text.endIndex, UnicodeText.isWhitespace(text[end]) { end += 1 }
            // The last space before a word belongs to the word.
            return end == text.endIndex || end == start + 1 ? end : end - 1
        }
        if UnicodeText.isLetter(first) {
            while end < text.endIndex, UnicodeText.isLetter(text[end]) { end += 1 }
        } else if UnicodeText.isNumber(first) {
            while end < text.endIndex, UnicodeText.isNumber(text[end]) { end += 1 }
        } else {
            while end < text.endIndex, !UnicodeText.isWhitespace(text[end]), !UnicodeText.isLetter(text[end]),
                !UnicodeText.isNumber(text[end])
            { end += 1 }
        }
        return end
    }

    private func appendWord(_ word: ArraySlice<Unicode.Scalar>, to ids: inout [Int32]) {
        var symbols: [Int32] = []
        for scalar in word {
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                let token = byteTokens[Int(byte)]
                if token >= 0 { symbols.append(token) } else if let unknown { symbols.append(unknown) }
            }
        }
        merge(&symbols)
        ids += symbols
    }

    /// Merges the pair of the lowest rank, the leftmost of equals, until none is left: a heap of candidates over a linked
    /// list, so that a word of n bytes takes n log n steps.
    private func merge(_ symbols: inout [Int32]) {
        guard symbols.count > 1 else { return }
        var next = symbols.indices.map { $0 + 1 < symbols.count ? $0 + 1 : -1 }
        var previous = symbols.indices.map { $0 - 1 }
        var heap = MergeHeap()
        func push(_ position: Int) {
            guard position >= 0, next[position] >= 0,
                let merge = merges[Self.key(symbols[position], symbols[next[position]])]
            else { return }
            heap.push(
                .init(
                    rank: merge.rank, position: position, left: symbols[position], right: symbols[next[position]],
                    result: merge.result))
        }
        for position in symbols.indices { push(position) }
        while let top = heap.pop() {
            let right = next[top.position]
            // Outdated when either side has changed meanwhile; merged symbols are -1.
            guard symbols[top.position] == top.left, right >= 0, symbols[right] == top.right else { continue }
            symbols[top.position] = top.result
            symbols[right] = -1
            next[top.position] = next[right]
            if next[right] >= 0 { previous[next[right]] = top.position }
            push(previous[top.position])
            push(top.position)
        }
        symbols.removeAll { $0 < 0 }
    }
}

/// A binary heap of merges, the lowest rank and then the leftmost position first.
private struct MergeHeap {
    struct Candidate {
        let rank: Int32
        let position: Int
        let left: Int32
        let right: Int32
        let result: Int32
    }

    private var elements: [Candidate] = []

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        (elements[a].rank, elements[a].position) < (elements[b].rank, elements[b].position)
    }

    mutating func push(_ candidate: Candidate) {
        elements.append(candidate)
        var child = elements.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Candidate? {
        guard let last = elements.popLast() else { return nil }
        guard let top = elements.first else { return last }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count && precedes(child, least) {
                least = child
            }
            if least == parent { return top }
            elements.swapAt(parent, least)
            parent = least
        }
    }
}
