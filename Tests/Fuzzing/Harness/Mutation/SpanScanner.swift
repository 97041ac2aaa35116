/// A value of a JSON text, with the key before it if it is a member.
struct JSONSpan {
    var value: Range<Int>
    var key: Range<Int>?

    var whole: Range<Int> { (key?.lowerBound ?? value.lowerBound)..<value.upperBound }
}

/// Finds the values of a JSON text, or of what mutation left of one: nothing here minds what is no JSON.
struct SpanScanner {
    private(set) var spans: [JSONSpan] = []

    private let bytes: [UInt8]
    private var position = 0
    private var open: [(start: Int, key: Range<Int>?)] = []
    private var key: Range<Int>?

    /// - Parameter limit: of spans; a long text has more places than a mutation needs.
    init(_ bytes: [UInt8], limit: Int = 20_000) {
        self.bytes = bytes
        while position < bytes.count, spans.count < limit { step() }
    }

    private mutating func step() {
        let start = position
        switch bytes[position] {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            open.append((start, key))
            key = nil
            position += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            position += 1
            key = nil
            if let container = open.popLast() {
                spans.append(JSONSpan(value: container.start..<position, key: container.key))
            }
        case UInt8(ascii: "\""):
            skipString()
            if isBeforeColon() {
                key = start..<position
            } else {
                add(start..<position)
            }
        case UInt8(ascii: ","), UInt8(ascii: ":"), 0...UInt8(ascii: " "): position += 1
        default:
            while position < bytes.count, !Self.isDelimiter(bytes[position]) { position += 1 }
            add(start..<position)
        }
    }

    private mutating func add(_ range: Range<Int>) {
        spans.append(JSONSpan(value: range, key: key))
        key = nil
    }

    private mutating func skipString() {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { break }
        }
        position = min(position, bytes.count)
    }

    private func isBeforeColon() -> Bool {
        bytes[position...].first { $0 > UInt8(ascii: " ") } == UInt8(ascii: ":")
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...UInt8(ascii: " "), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""):
            true
        default: false
        }
    }
}
