import JSONDocuments

/// Tokens and their numbers: an object, or an array of pairs where two tokens differ only in their Unicode normal form, which
/// a Swift string does not tell apart and a tokenizer does.
struct TokenizerVocabulary: Sendable {
    /// By the token's UTF-8.
    let ids: [[UInt8]: Int32]

    /// - Throws: ``JSONError`` naming the token whose number is not one.
    init(_ cursor: JSONCursor) throws(JSONError) {
        var ids: [[UInt8]: Int32] = [:]
        switch cursor.value {
        case .object(let members):
            ids.reserveCapacity(members.count)
            for (token, value) in members {
                guard let id = Self.id(value) else {
                    throw try cursor.member(token).failure("expected a number of at least 0")
                }
                ids[Array(token.utf8)] = id
            }
        case .array(let pairs):
            ids.reserveCapacity(pairs.count)
            for (index, pair) in pairs.enumerated() {
                guard case .array(let parts) = pair, parts.count == 2, case .string(let token) = parts[0],
                    let id = Self.id(parts[1])
                else { throw cursor.failure("element \(index): expected a token and a number of at least 0") }
                ids[Array(token.utf8)] = id
            }
        default: throw cursor.mismatch("object")
        }
        self.ids = ids
    }

    subscript(token: some StringProtocol) -> Int32? { ids[Array(token.utf8)] }

    private static func id(_ value: JSONValue) -> Int32? {
        guard case .integer(let number) = value, let id = Int32(exactly: number), id >= 0 else { return nil }
        return id
    }
}
