/// Appends JSON text to a byte buffer, commas and escapes included.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.key("shape")
///     writer.integers([1, 64])
///     writer.endObject()
///     writer.bytes  // {"shape":[1,64]}
///
/// Jansson's own dump prints reals with 17 digits (`0.1` as `0.10000000000000001`), hence this writer: `Double` and `Float`
/// take the fewest digits that read back to the same bits. JSON has no NaN and no infinity; they are written as the
/// strings `"NaN"`, `"Infinity"` and `"-Infinity"`, so that the output is valid JSON whatever the numbers are.
///
/// The caller pairs the calls; a key before each member's value, an end for each begin.
public struct JSONWriter: Sendable {
    public enum Style: Sendable, Hashable {
        /// No white space.
        case compact
        /// Two spaces a level, one element a line.
        case indented
    }

    public private(set) var bytes: [UInt8] = []
    private let style: Style
    private var depth = 0
    /// Whether the open container has an element already.
    private var needsComma = false
    private var followsKey = false

    public init(_ style: Style = .compact, reservingCapacity capacity: Int = 0) {
        self.style = style
        bytes.reserveCapacity(capacity)
    }

    public mutating func beginObject() { begin(UInt8(ascii: "{")) }
    public mutating func endObject() { end(UInt8(ascii: "}")) }
    public mutating func beginArray() { begin(UInt8(ascii: "[")) }
    public mutating func endArray() { end(UInt8(ascii: "]")) }

    public mutating func key(_ key: String) {
        startElement()
        appendQuoted(key)
        bytes.append(UInt8(ascii: ":"))
        if style == .indented { bytes.append(UInt8(ascii: " ")) }
        followsKey = true
    }

    public mutating func null() { token("null") }
    public mutating func bool(_ value: Bool) { token(value ? "true" : "false") }

    public mutating func string(_ value: String) {
        startElement()
        appendQuoted(value)
        needsComma = true
    }

    public mutating func integer(_ value: some FixedWidthInteger) {
        startElement()
        appendDigits(value)
        needsComma = true
    }

    /// A whole array of integers on one line.
    public mutating func integers(_ values: some Sequence<some FixedWidthInteger>) {
        startElement()
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for value in values {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            appendDigits(value)
            isFirst = false
        }
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    public mutating func number(_ value: Double) {
        guard value.isFinite else { return string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity") }
        token(value.description)
    }

    public mutating func number(_ value: Float) {
        guard value.isFinite else { return string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity") }
        token(value.description)
    }

    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .real(let value): number(value)
        case .string(let value): string(value)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            // By UTF-8 bytes: the order of the code points, the same on every platform and Unicode version.
            for (key, member) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                self.key(key)
                self.value(member)
            }
            endObject()
        }
    }

    private mutating func begin(_ bracket: UInt8) {
        startElement()
        bytes.append(bracket)
        depth += 1
        needsComma = false
    }

    private mutating func end(_ bracket: UInt8) {
        depth -= 1
        if needsComma { breakLine() }
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func startElement() {
        if followsKey {
            followsKey = false
            return
        }
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 { breakLine() }
        needsComma = true
    }

    private mutating func breakLine() {
        guard style == .indented else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private mutating func token(_ text: String) {
        startElement()
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    private mutating func appendDigits(_ value: some FixedWidthInteger) { Self.appendDigits(value, to: &bytes) }
    private mutating func appendQuoted(_ text: String) { Self.appendQuoted(text, to: &bytes) }

    /// Appends an integer, for writers of fixed text who need no commas.
    package static func appendDigits(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        if value >= 0, value < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
        } else {
            bytes.append(contentsOf: String(value).utf8)
        }
    }

    /// Appends a string in quotes, escaped.
    package static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        // Most text needs no escape and is copied whole.
        let isPlain = text.withUTF8 { utf8 in
            let isPlain = utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if isPlain { bytes.append(contentsOf: utf8) }
            return isPlain
        }
        if !isPlain { appendEscaped(text, to: &bytes) }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func appendEscaped(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x20...: bytes.append(byte)
            case 0x08: bytes.append(contentsOf: #"\b"#.utf8)
            case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
            case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
            case 0x0C: bytes.append(contentsOf: #"\f"#.utf8)
            case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
            default:
                bytes.append(contentsOf: #"\u00"#.utf8)
                bytes.append(hexadecimal(byte >> 4))
                bytes.append(hexadecimal(byte & 0xF))
            }
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}

extension JSONValue {
    /// The document as UTF-8 text, keys sorted by their bytes: equal values give equal text, fit for digests.
    ///
    /// NaN and infinities are written as strings, see ``JSONWriter``.
    public func serialized(_ style: JSONWriter.Style = .compact) -> [UInt8] {
        var writer = JSONWriter(style)
        writer.value(self)
        return writer.bytes
    }
}
