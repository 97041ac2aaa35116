public import JSONDocuments

/// One layer of an ``ArchitectureSpec``, checked: its type is known, and so are its options and what they hold.
public struct LayerSpec: Sendable, Hashable {
    /// As "conv2d".
    public let type: String
    /// As given; nil for a name made from the type.
    public let name: String?
    /// The layer as it was read.
    public let json: JSONValue
    /// The lists of layers in it by option: `layers` and `layer` of one list each, `branches` of several.
    let children: [String: [[LayerSpec]]]

    /// Reads one layer.
    init(_ cursor: JSONCursor, limits: ArchitectureLimits, depth: Int, count: inout Int) throws(JSONError) {
        count += 1
        guard count <= limits.maximumLayerCount else {
            throw cursor.failure("found more than \(limits.maximumLayerCount) layers, which is the limit")
        }
        guard depth <= limits.maximumDepth else {
            throw cursor.failure("found layers nested deeper than \(limits.maximumDepth) levels, which is the limit")
        }
        guard case .object(let members) = cursor.value else {
            throw Setting.mismatch(cursor, "a layer, as {\"type\": \"dense\", \"units\": 10}")
        }
        let type = try Setting.choice(try cursor.member("type"), of: LayerTable.names, what: "a layer,")
        guard let definition = LayerTable.definitions[type] else { throw cursor.failure("unknown layer") }
        try Self.refuse(members, type, cursor)
        try cursor.rejectUnknownMembers(allowed: Set(definition.options.keys).union(["type", "name"]))
        name = try cursor.optionalMember("name").map { (cursor) throws(JSONError) in try Setting.name(cursor) }
        var children: [String: [[LayerSpec]]] = [:]
        for (key, option) in definition.options.sorted(by: { $0.key < $1.key }) {
            guard let value = try cursor.optionalMember(key) else {
                guard option.isRequired else { continue }
                throw cursor.failure("\(type) has no \"\(key)\", expected \(option.kind.text)")
            }
            if let lists = try Self.lists(option.kind, value) {
                children[key] = try lists.map { (list) throws(JSONError) in
                    try list.map { (layer) throws(JSONError) in
                        try LayerSpec(layer, limits: limits, depth: depth + 1, count: &count)
                    }
                }
            } else {
                try option.kind.check(value)
            }
        }
        (self.type, json, self.children) = (type, cursor.value, children)
    }

    /// The layers that an option holds; nil when it is an option of another kind.
    private static func lists(
        _ kind: LayerOption.Kind, _ value: JSONCursor
    ) throws(JSONError) -> [[JSONCursor]]? {
        switch kind {
        case .layer: return [[value]]
        case .layers: return [try elements(value, kind, 1)]
        case .projection:
            if case .bool(false) = value.value { return nil }
            return [try elements(value, kind, 1)]
        case .branches:
            return try elements(value, kind, 2).map { (branch) throws(JSONError) in
                try elements(branch, .layers, 0)
            }
        default: return nil
        }
    }

    private static func elements(
        _ value: JSONCursor, _ kind: LayerOption.Kind, _ minimum: Int
    ) throws(JSONError) -> [JSONCursor] {
        guard case .array(let elements) = value.value, elements.count >= minimum else {
            throw Setting.mismatch(value, kind.text)
        }
        return try value.elements()
    }

    /// Options of Keras that have no meaning here, with the reason.
    private static func refuse(_ members: [String: JSONValue], _ type: String, _ cursor: JSONCursor) throws(JSONError) {
        let reasons = [
            ("embedding", "mask_zero", "masks are not trained; give rows of one length, or weights to the loss"),
            ("", "data_format", "data has its channels last"),
            ("", "recurrent_dropout", "put a dropout layer before or after the recurrent one"),
            ("", "kernel_regularizer", "the optimizer's l1 and l2 are for all kernels"),
            ("", "kernel_constraint", "constraints are not supported"),
            ("", "stateful", "every row stands alone"),
        ]
        for (layer, key, reason) in reasons where layer.isEmpty || layer == type {
            guard let value = members[key], value != .null, value != .bool(false) else { continue }
            throw try cursor.member(key).failure("found \(Setting.found(value)), expected none: \(reason)")
        }
    }
}
