import CJansson

extension JSONValue {
    /// The value of a whole document; scalars are documents too.
    ///
    /// Refused are duplicate members (see ``JSONLimits/keepsNormalForms``), integers that do not fit 64 bits, reals that overflow and anything that is not
    /// RFC 8259 in UTF-8.
    /// - Throws: ``JSONError`` with line and column.
    public init(parsing bytes: some Collection<UInt8>, limits: JSONLimits = .default) throws(JSONError) {
        // `withContiguousStorageIfAvailable` predates typed throws, so the outcome leaves the closure as a value.
        let outcome =
            bytes.withContiguousStorageIfAvailable { Self.parse($0, limits) }
            ?? Array(bytes).withUnsafeBufferPointer { Self.parse($0, limits) }
        self = try outcome.get()
    }

    /// - Throws: ``JSONError`` with line and column.
    public init(parsing text: String, limits: JSONLimits = .default) throws(JSONError) {
        try self.init(parsing: text.utf8, limits: limits)
    }

    private static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits
    ) -> Result<JSONValue, JSONError> {
        Result { () throws(JSONError) in
            try limits.check(bytes)
            var failure = json_error_t()
            let flags = Int(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)
            let document = bytes.withMemoryRebound(to: CChar.self) { text in
                json_loadb(text.baseAddress, text.count, flags, &failure)
            }
            guard let document else { throw JSONError(failure) }
            defer { json_decref(document) }
            do throws(DuplicateMember) {
                return try JSONValue(document, limits.keepsNormalForms)
            } catch {
                throw JSONError(at: .path(error.path), "duplicate member (in another Unicode normal form)")
            }
        }
    }

    /// Copies Jansson's tree; as deep as the limits allow.
    private init(_ node: UnsafeMutablePointer<json_t>, _ keepsNormalForms: Bool) throws(DuplicateMember) {
        switch node.pointee.type {
        case JSON_TRUE: self = .bool(true)
        case JSON_FALSE: self = .bool(false)
        case JSON_INTEGER: self = .integer(Int64(json_integer_value(node)))
        case JSON_REAL: self = .real(json_real_value(node))
        case JSON_STRING: self = .string(String(jansson: json_string_value(node), count: json_string_length(node)))
        case JSON_ARRAY: self = .array(try Self.elements(node, keepsNormalForms))
        case JSON_OBJECT: self = try Self.members(node, keepsNormalForms)
        default: self = .null
        }
    }

    private static func elements(
        _ node: UnsafeMutablePointer<json_t>, _ keepsNormalForms: Bool
    ) throws(DuplicateMember) -> [JSONValue] {
        let count = json_array_size(node)
        var elements: [JSONValue] = []
        elements.reserveCapacity(count)
        for index in 0..<count {
            guard let element = json_array_get(node, index) else { continue }
            do throws(DuplicateMember) {
                elements.append(try JSONValue(element, keepsNormalForms))
            } catch {
                throw error.inside(.index(index))
            }
        }
        return elements
    }

    private static func members(
        _ node: UnsafeMutablePointer<json_t>, _ keepsNormalForms: Bool
    ) throws(DuplicateMember) -> JSONValue {
        var members: [String: JSONValue] = Dictionary(minimumCapacity: json_object_size(node))
        var iterator = json_object_iter(node)
        while let current = iterator {
            let key = String(jansson: json_object_iter_key(current), count: json_object_iter_key_len(current))
            guard let member = json_object_iter_value(current) else { break }
            let value: JSONValue
            do throws(DuplicateMember) {
                value = try JSONValue(member, keepsNormalForms)
            } catch {
                throw error.inside(.member(key))
            }
            // Jansson compares bytes, Swift compares Unicode text: "é" has two spellings that are one key here.
            guard members.updateValue(value, forKey: key) == nil else {
                if keepsNormalForms { return .array(try pairs(node)) }
                throw DuplicateMember().inside(.member(key))
            }
            iterator = json_object_iter_next(node, current)
        }
        return .object(members)
    }

    /// Keys and values of an object, in the order of the document.
    private static func pairs(_ node: UnsafeMutablePointer<json_t>) throws(DuplicateMember) -> [JSONValue] {
        var pairs: [JSONValue] = []
        var iterator = json_object_iter(node)
        while let current = iterator, let member = json_object_iter_value(current) {
            let key = String(jansson: json_object_iter_key(current), count: json_object_iter_key_len(current))
            pairs.append([.string(key), try JSONValue(member, true)])
            iterator = json_object_iter_next(node, current)
        }
        return pairs
    }
}

/// Two keys that Swift cannot tell apart; the steps to them are collected on the way out, so that documents without such
/// keys pay nothing for their paths.
private struct DuplicateMember: Error {
    enum Step {
        case member(String)
        case index(Int)
    }

    private var steps: [Step] = []  // innermost first

    func inside(_ step: Step) -> DuplicateMember {
        var error = self
        error.steps.append(step)
        return error
    }

    var path: String {
        steps.reversed().reduce(into: "") { path, step in
            switch step {
            case .member(let key): path = JSONCursor.path(path, member: key)
            case .index(let index): path += "[\(index)]"
            }
        }
    }
}

extension String {
    fileprivate init(jansson text: UnsafePointer<CChar>?, count: Int) {
        let bytes = UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : count)
        self.init(decoding: bytes, as: UTF8.self)
    }
}

extension JSONError {
    fileprivate init(_ failure: json_error_t) {
        let message = withUnsafeBytes(of: failure.text) { text in
            String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        }
        self.init(at: .text(line: max(1, Int(failure.line)), column: max(1, Int(failure.column))), message)
    }
}
