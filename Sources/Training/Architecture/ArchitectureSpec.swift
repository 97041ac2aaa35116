public import JSONDocuments
public import TensorEngine

/// A model to train, declared as a chain of layers. Layers and options have Keras's names, meanings and defaults; data has its
/// channels last.
///
///     {"input": {"shape": [8, 8, 1]},
///      "layers": [{"type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same", "activation": "relu"},
///                 {"type": "max_pooling2d"}, {"type": "flatten"},
///                 {"type": "dense", "units": 10, "activation": "softmax"}]}
///
/// `docs/architecture-spec.md` describes every layer, `schemas/architecture.schema.json` is its JSON Schema.
public struct ArchitectureSpec: Sendable, Hashable {
    /// Of the graph.
    public let name: String
    public let input: Input
    public let layers: [LayerSpec]
    /// Of the graph's output.
    public let output: String
    /// The specification as it was read.
    public let json: JSONValue
    let limits: ArchitectureLimits
    /// Where the specification is in its document, for messages.
    let path: String

    /// The graph's only input.
    public struct Input: Sendable, Hashable {
        public let name: String
        /// Extents of a row, without the batch; nil when any will do.
        public let shape: [Int?]
        /// float32, or int32 or int64 for identifiers that an embedding looks up.
        public let elementType: ElementType
    }

    /// Reads a specification.
    /// - Throws: ``JSONError`` with the path of the wrong field, what was found and what was expected.
    public init(_ cursor: JSONCursor, limits: ArchitectureLimits = .default) throws(JSONError) {
        try cursor.rejectUnknownMembers(allowed: ["name", "input", "layers", "output"])
        name = try Self.name(try cursor.optionalMember("name")) ?? "model"
        input = try Self.input(try cursor.member("input"))
        output = try Self.output(try cursor.optionalMember("output"))
        guard input.name != output else {
            throw cursor.failure("the input and the output are both named \"\(output)\"")
        }
        let list = try cursor.member("layers")
        guard case .array(let elements) = list.value, !elements.isEmpty else {
            throw Setting.mismatch(list, "a list of layers")
        }
        var count = 0
        layers = try list.elements().map { (element) throws(JSONError) in
            try LayerSpec(element, limits: limits, depth: 1, count: &count)
        }
        (json, self.limits, path) = (cursor.value, limits, cursor.path)
    }

    /// - Throws: as ``init(_:limits:)``.
    public init(_ value: JSONValue, limits: ArchitectureLimits = .default) throws(JSONError) {
        try self.init(JSONCursor(value), limits: limits)
    }

    /// The model with its first weights.
    /// - Parameter seed: of the run; the same one gives the same weights, bit for bit.
    /// - Throws: ``JSONError`` with the path of the layer whose options or input do not fit.
    public func build(seed: UInt64) throws(JSONError) -> TrainableModel {
        var builder = try ArchitectureBuilder(self, seed: seed)
        return try builder.build()
    }

    private static func name(_ cursor: JSONCursor?) throws(JSONError) -> String? {
        try cursor.map { (cursor) throws(JSONError) in try Setting.name(cursor) }
    }

    private static func input(_ cursor: JSONCursor) throws(JSONError) -> Input {
        try cursor.rejectUnknownMembers(allowed: ["name", "shape", "dtype"])
        let shape = try cursor.member("shape")
        guard case .array(let extents) = shape.value, (1...7).contains(extents.count) else {
            throw Setting.mismatch(shape, "a list of one to seven extents")
        }
        var elementType = ElementType.float32
        if let dtype = try cursor.optionalMember("dtype") {
            let name = try Setting.choice(dtype, of: ["float32", "int32", "int64"])
            elementType = ElementType(rawValue: name) ?? .float32
        }
        return Input(
            name: try name(try cursor.optionalMember("name")) ?? "input",
            shape: try shape.elements().map { (extent) throws(JSONError) in
                extent.value == .null ? nil : try Setting.wholeNumber(extent, in: 1...(1 << 26))
            },
            elementType: elementType)
    }

    private static func output(_ cursor: JSONCursor?) throws(JSONError) -> String {
        guard let cursor else { return "output" }
        try cursor.rejectUnknownMembers(allowed: ["name"])
        return try name(try cursor.optionalMember("name")) ?? "output"
    }
}
