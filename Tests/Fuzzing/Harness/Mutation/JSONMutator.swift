/// Mutates JSON by its structure: members go, come twice, change their names, types, sizes and places.
struct JSONMutator {
    /// Texts of whole values and of keys that mean something to the reader.
    let vocabulary: Vocabulary

    private static let awkward: [String] = [
        "null", "true", "false", "0", "-0", "1", "-1", "2", "3", "255", "256", "65536", "2147483648", "4294967296",
        "268435456", "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
        "99999999999999999999", "1e308", "1e999", "-1e999", "1e-400", "0.5", "1.0", "\"\"", "[]", "{}", "[[]]",
        "[null]",
        "\"NaN\"", "\"-Infinity\"", "\"nan\"", #""\u0000""#, #""\ud800""#, #""\ud83d\ude00""#, #""é""#, #""\"\\/""#,
    ]

    /// - Returns: nil when the text has nothing to mutate.
    func mutate(_ text: [UInt8], most maximum: Int, _ random: inout SplitMix64) -> [UInt8]? {
        let spans = SpanScanner(text).spans
        guard let one = spans.randomElement(using: &random), let other = spans.randomElement(using: &random) else {
            return nil
        }
        switch random.next() % 11 {
        case 0: return replacing(text, removal(of: one.whole, in: text), with: [])
        case 1: return replacing(text, one.whole.upperBound..<one.whole.upperBound, with: [comma] + text[one.whole])
        case 2: return replacing(text, one.value, with: text[other.value])
        case 3: return replacing(text, one.value, with: (Self.awkward.randomElement(using: &random) ?? "null").utf8)
        case 4: return replacing(text, one.value, with: vocabulary.values.randomElement(using: &random) ?? [])
        case 5:
            guard let key = one.key, let name = other.key.map({ Array(text[$0]) }) ?? vocabulary.key(&random) else {
                return nil
            }
            return replacing(text, key, with: name)
        case 6: return replacing(text, one.value, with: nest(text[one.value], &random))
        case 7: return swap(one.value, other.value, in: text)
        case 8: return replacing(text, one.value, with: number(text[one.value], &random))
        case 9: return replacing(text, one.whole, with: repeated(text[one.whole], room: maximum - text.count, &random))
        default:
            // A member of the vocabulary's, in an object.
            guard text[one.value].first == UInt8(ascii: "{"), let name = vocabulary.key(&random) else { return nil }
            let start = one.value.lowerBound + 1
            return replacing(text, start..<start, with: name + Array(":".utf8) + text[other.value] + [comma])
        }
    }

    private let comma = UInt8(ascii: ",")

    init(vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    private func replacing(_ text: [UInt8], _ range: Range<Int>, with new: some Collection<UInt8>) -> [UInt8] {
        var result = text
        result.replaceSubrange(range, with: new)
        return result
    }

    /// With the comma that would be left over.
    private func removal(of range: Range<Int>, in text: [UInt8]) -> Range<Int> {
        if let next = text[range.upperBound...].firstIndex(where: { $0 > UInt8(ascii: " ") }), text[next] == comma {
            return range.lowerBound..<(next + 1)
        }
        if let last = text[..<range.lowerBound].lastIndex(where: { $0 > UInt8(ascii: " ") }), text[last] == comma {
            return last..<range.upperBound
        }
        return range
    }

    private func nest(_ value: ArraySlice<UInt8>, _ random: inout SplitMix64) -> [UInt8] {
        let depth = Int(random.next() % 4 == 0 ? random.next() % 300 : random.next() % 3) + 1
        let isArray = random.next() % 4 != 0
        let (before, after) = isArray ? ("[", "]") : ("{\"config\":", "}")
        return Array(String(repeating: before, count: depth).utf8) + value
            + Array(String(repeating: after, count: depth).utf8)
    }

    private func number(_ value: ArraySlice<UInt8>, _ random: inout SplitMix64) -> [UInt8] {
        let found = Int(String(decoding: value, as: UTF8.self)) ?? Int(random.next() % 64)
        let new =
            switch random.next() % 6 {
            case 0: found &+ 1
            case 1: found &- 1
            case 2: found &* 2
            case 3: 0 &- found
            case 4: found / 2
            default: Int(truncatingIfNeeded: random.next() >> (random.next() % 64))
            }
        return Array(String(new).utf8)
    }

    /// A few times, or as often as there is room, which finds what takes quadratic time.
    private func repeated(_ span: ArraySlice<UInt8>, room: Int, _ random: inout SplitMix64) -> [UInt8] {
        let most = max(room / (span.count + 1), 1)
        let count = random.next() % 64 == 0 ? most : min(most, Int(random.next() % 8) + 2)
        return Array([[UInt8]](repeating: Array(span), count: count).joined(separator: [comma]))
    }

    private func swap(_ one: Range<Int>, _ other: Range<Int>, in text: [UInt8]) -> [UInt8]? {
        let (first, second) = one.lowerBound <= other.lowerBound ? (one, other) : (other, one)
        guard first.upperBound <= second.lowerBound else { return nil }
        var result = text
        result.replaceSubrange(second, with: text[first])
        result.replaceSubrange(first, with: text[second])
        return result
    }
}
