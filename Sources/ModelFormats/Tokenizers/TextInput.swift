import JSONDocuments
public import TensorEngine

/// How a model takes text: the tokenizer that goes with it. Kept as a constant of the graph that no node reads, so that it
/// travels with the weights and the bundle's digest covers it.
public struct TextInput: Sendable {
    /// What a request calls the text.
    public static let name = "text"
    static let constantName = "text_input.json"
    /// Rows are padded to a multiple of this, so that texts of similar length run together. Padding changes no bit.
    private static let lengthStep = 16

    package let tokenizer: TextTokenizer
    /// Of a row, with its special tokens.
    package let maximumLength: Int
    private let padding: Int32

    /// - Returns: nil when the graph takes no text.
    /// - Throws: ``ModelFormatError`` when its tokenizer is malformed.
    public init?(_ graph: Graph) throws(ModelFormatError) {
        guard let constant = graph.initializers[Self.constantName], constant.elementType == .uint8 else { return nil }
        let bytes = constant.withElements(UInt8.self) { Array($0) }
        self = try readingJSON(of: graph.name, at: Self.constantName) { () throws(JSONError) -> TextInput in
            let limits = JSONLimits(maximumBytes: 64 << 20, maximumDepth: 64, maximumValues: 8_000_000)
            return try TextInput(JSONCursor(try JSONValue(parsing: bytes, limits: limits)))
        }
    }

    init(_ root: JSONCursor) throws(JSONError) {
        tokenizer = try TextTokenizer(root.member("tokenizer"))
        maximumLength = try root.member("maximumLength").integer()
        let pad = try root.member("padding")
        guard let padding = Int32(exactly: try pad.integer()), padding >= 0, (1...1 << 20).contains(maximumLength)
        else {
            throw root.failure("found padding \(try pad.integer()) and a maximum length of \(maximumLength)")
        }
        self.padding = padding
    }

    /// The document that ``init(_:)-(JSONCursor)`` reads.
    static func document(tokenizer: JSONValue, maximumLength: Int, padding: Int) -> JSONValue {
        ["tokenizer": tokenizer, "maximumLength": .integer(Int64(maximumLength)), "padding": .integer(Int64(padding))]
    }

    /// The model's inputs for some texts: ids, which of them are the text's, and types, which are all 0. Longer texts are
    /// cut.
    package func tensors(_ texts: [String], for inputs: [ValueInfo]) throws(TensorError) -> [(
        name: String, tensor: Tensor
    )] {
        let rows = texts.map { tokenizer.encode($0, maximumLength: maximumLength) }
        let longest = max(rows.map(\.count).max() ?? 1, 1)
        let length = min((longest + Self.lengthStep - 1) / Self.lengthStep * Self.lengthStep, maximumLength)
        var ids: [Int64] = []
        var mask: [Int64] = []
        for row in rows {
            let rest = max(length - row.count, 0)
            ids += row.prefix(length).map { Int64($0) } + [Int64](repeating: Int64(padding), count: rest)
            mask += [Int64](repeating: 1, count: min(row.count, length)) + [Int64](repeating: 0, count: rest)
        }
        let shape = try Shape([texts.count, length])
        var result: [(name: String, tensor: Tensor)] = []
        for input in inputs {
            switch input.name {
            case "input_ids": result.append((input.name, try Tensor(shape: shape, elements: ids)))
            case "attention_mask": result.append((input.name, try Tensor(shape: shape, elements: mask)))
            default: result.append((input.name, Tensor(zeros: .int64, shape: shape)))
            }
        }
        return result
    }
}
