public import JSONDocuments

/// How a file of comma-separated values is written.
public struct CSVOptions: Sendable, Hashable {
    /// Whether the first record names the columns; without, they are "0", "1", and so on.
    public var hasHeader = true
    /// One ASCII character.
    public var delimiter = UInt8(ascii: ",")

    public init() {}

    /// Reads `{"header": true, "delimiter": ";"}`.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["header", "delimiter"])
        if let header = try json.optionalMember("header") { hasHeader = try header.bool() }
        guard let delimiter = try json.optionalMember("delimiter") else { return }
        let text = try delimiter.string()
        guard text.utf8.count == 1, let byte = text.utf8.first, byte < 0x80, !Array("\"\r\n\0".utf8).contains(byte)
        else { throw delimiter.failure("found \(DataError.quoted(text)), expected one ASCII character") }
        self.delimiter = byte
    }

    public var json: JSONValue {
        ["header": .bool(hasHeader), "delimiter": .string(String(decoding: [delimiter], as: UTF8.self))]
    }
}
