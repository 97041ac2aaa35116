import CJansson

extension JSONValue {
    /// The value of a whole document; scalars are documents too.
    ///
    /// Refused are duplicate members, integers that do not fit 64 bits, reals that overflow and anything that is not
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
            return try JSONValue(document, path: "")
        }
    }

    /// Copies Jansson's tree; as deep as the limits allow.
    private init(_ node: UnsafeMutablePointer<json_t>, path: String) throws(JSONError) {
        switch node.pointee.type {
        case JSON_TRUE: self = .bool(true)
        case JSON_FALSE: self = .bool(false)
        case JSON_INTEGER: self = .integer(Int64(json_integer_value(node)))
        case JSON_REAL: self = .real(json_real_value(node))
        case JSON_STRING: self = .string(String(jansson: json_string_value(node), count: json_string_length(node)))
        case JSON_ARRAY:
            let count = json_array_size(node)
            var elements: [JSONValue] = []
            elements.reserveCapacity(count)
            for index in 0..<count {
                guard let element = json_array_get(node, index) else { continue }
                elements.append(try JSONValue(element, path: path))
            }
            self = .array(elements)
        case JSON_OBJECT:
            var members: [String: JSONValue] = Dictionary(minimumCapacity: json_object_size(node))
            var iterator = json_object_iter(node)
            while let current = iterator {
                let key = String(jansson: json_object_iter_key(current), count: json_object_iter_key_len(current))
                guard let member = json_object_iter_value(current) else { continue }
                let memberPath = JSONCursor.path(path, member: key)
                // Jansson compares bytes, Swift compares Unicode text: "é" has two spellings that are one key here.
                guard members.updateValue(try JSONValue(member, path: memberPath), forKey: key) == nil else {
                    throw JSONError(at: .path(memberPath), "duplicate member (in another Unicode normal form)")
                }
                iterator = json_object_iter_next(node, current)
            }
            self = .object(members)
        default: self = .null
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
