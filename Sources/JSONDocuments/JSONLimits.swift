/// How large a document may be; checked before memory is allocated for it.
public struct JSONLimits: Sendable, Hashable {
    /// The largest document in bytes.
    public var maximumBytes: Int
    /// The deepest nesting of arrays and objects; at most 2000, as Jansson itself refuses 2048.
    public var maximumDepth: Int
    /// The most values, containers included; an empty container counts as two.
    public var maximumValues: Int
    /// An object of which two keys differ only in their Unicode normal form, one key to Swift, is read as an array of pairs
    /// instead of being refused.
    public var keepsNormalForms = false

    public init(maximumBytes: Int, maximumDepth: Int, maximumValues: Int) {
        self.maximumBytes = maximumBytes
        self.maximumDepth = min(maximumDepth, 2000)
        self.maximumValues = maximumValues
    }

    /// 64 MiB, 128 levels, 2 million values: room for the largest model configuration and tokenizer files.
    public static let `default` = JSONLimits(maximumBytes: 64 << 20, maximumDepth: 128, maximumValues: 2_000_000)

    /// Refuses a document that would exceed a limit, in one pass over its bytes.
    ///
    /// The document need not be valid: brackets and commas outside strings bound from above what any parser can build.
    func check(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        guard bytes.count <= maximumBytes else {
            throw JSONError(
                at: .text(line: 1, column: 1), "found \(bytes.count) bytes, expected at most \(maximumBytes)")
        }
        var depth = 0
        var values = 1
        var isInString = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if isInString {
                if byte == UInt8(ascii: "\\") {
                    index += 1
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""):
                    isInString = true
                case UInt8(ascii: "["), UInt8(ascii: "{"):
                    depth += 1
                    values += 1
                    guard depth <= maximumDepth else {
                        throw JSONError(
                            at: Self.location(of: index, in: bytes),
                            "found more than \(maximumDepth) nested arrays and objects")
                    }
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    depth -= 1
                case UInt8(ascii: ","):
                    values += 1
                default: break
                }
            }
            guard values <= maximumValues else {
                throw JSONError(at: Self.location(of: index, in: bytes), "found more than \(maximumValues) values")
            }
            index += 1
        }
    }

    private static func location(of offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> JSONError.Location {
        var line = 1
        var column = 1
        for byte in bytes[..<offset] {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {  // not a UTF-8 continuation byte
                column += 1
            }
        }
        return .text(line: line, column: column)
    }
}
