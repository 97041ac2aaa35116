/// A value together with its path in the document, so that whoever reads it gets errors that say where.
///
///     let config = JSONCursor(try JSONValue(parsing: bytes), path: "config")
///     for layer in try config.member("layers").elements() {
///         let units = try layer.member("units").integer()  // config.layers[3].units: found string, expected integer
///     }
public struct JSONCursor: Sendable {
    public let value: JSONValue
    /// For instance `config.layers[3].units`; empty for a document without a name.
    public let path: String

    public init(_ value: JSONValue, path: String = "") {
        self.value = value
        self.path = path
    }

    /// The member `key`, which may be null.
    /// - Throws: ``JSONError`` when this is not an object or has no such member.
    public func member(_ key: String) throws(JSONError) -> JSONCursor {
        guard let member = try object()[key] else { throw failure("missing member \"\(key)\"") }
        return JSONCursor(member, path: Self.path(path, member: key))
    }

    /// The member `key`, or nil when it is absent or null.
    /// - Throws: ``JSONError`` when this is not an object.
    public func optionalMember(_ key: String) throws(JSONError) -> JSONCursor? {
        guard let member = try object()[key], member != .null else { return nil }
        return JSONCursor(member, path: Self.path(path, member: key))
    }

    /// All members, keys sorted by their bytes.
    /// - Throws: ``JSONError`` when this is not an object.
    public func members() throws(JSONError) -> [(key: String, value: JSONCursor)] {
        try object()
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { ($0.key, JSONCursor($0.value, path: Self.path(path, member: $0.key))) }
    }

    /// - Throws: ``JSONError`` when this is not an array.
    public func elements() throws(JSONError) -> [JSONCursor] {
        guard case .array(let elements) = value else { throw mismatch("array") }
        return elements.enumerated().map { JSONCursor($0.element, path: "\(path)[\($0.offset)]") }
    }

    /// - Throws: ``JSONError`` when this is not a string.
    public func string() throws(JSONError) -> String {
        guard case .string(let text) = value else { throw mismatch("string") }
        return text
    }

    /// An integer; `64.0` is one as well, as in JSON Schema.
    /// - Throws: ``JSONError`` when this is not a number or has a fraction.
    public func integer() throws(JSONError) -> Int {
        switch value {
        case .integer(let integer): return Int(integer)
        case .real(let real):
            guard let integer = Int(exactly: real) else { throw failure("found \(real), expected integer") }
            return integer
        default: throw mismatch("integer")
        }
    }

    /// A number; an integer beyond 2^53 is rounded.
    /// - Throws: ``JSONError`` when this is not a number.
    public func number() throws(JSONError) -> Double {
        switch value {
        case .integer(let integer): return Double(integer)
        case .real(let real): return real
        default: throw mismatch("number")
        }
    }

    /// - Throws: ``JSONError`` when this is not a boolean.
    public func bool() throws(JSONError) -> Bool {
        guard case .bool(let bool) = value else { throw mismatch("boolean") }
        return bool
    }

    /// - Throws: ``JSONError`` that names the first unknown member, in byte order, and the known one nearest to it.
    public func rejectUnknownMembers(allowed: Set<String>) throws(JSONError) {
        let unknown = try object().keys.filter { !allowed.contains($0) }
        guard let key = unknown.min(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) else { return }
        let hint = NearestName.nearest(to: key, among: allowed).map { "; did you mean \"\($0)\"?" } ?? ""
        throw failure("unknown member \"\(key)\"\(hint)")
    }

    /// An error about this value.
    public func failure(_ message: String) -> JSONError { JSONError(at: .path(path), message) }

    /// The error that this value is of another kind than the expected one: "found string, expected integer".
    public func mismatch(_ expected: String) -> JSONError { failure("found \(value.kind), expected \(expected)") }

    private func object() throws(JSONError) -> [String: JSONValue] {
        guard case .object(let members) = value else { throw mismatch("object") }
        return members
    }

    /// `path.key`, or `path["odd key"]` when the key is not an identifier.
    static func path(_ path: String, member key: String) -> String {
        let isIdentifier =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "$") || byte >= 0x80
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
        guard isIdentifier else { return "\(path)[\"\(key)\"]" }
        return path.isEmpty ? key : "\(path).\(key)"
    }
}
