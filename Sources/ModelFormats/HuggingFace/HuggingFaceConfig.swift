import JSONDocuments

/// `config.json`, with errors that name the file and the member.
struct HuggingFaceConfig {
    let file: String
    let root: JSONCursor

    func read<Result>(_ body: (JSONCursor) throws(JSONError) -> Result) throws(ModelFormatError) -> Result {
        try readingJSON(of: file) { () throws(JSONError) -> Result in try body(root) }
    }

    func integer(_ name: String, default value: Int? = nil, in range: ClosedRange<Int> = 1...1 << 24)
        throws(ModelFormatError) -> Int
    {
        try read { root throws(JSONError) in
            guard let cursor = try value == nil ? root.member(name) : root.optionalMember(name) else {
                return value ?? 0
            }
            let found = try cursor.integer()
            guard range.contains(found) else {
                throw cursor.failure("found \(found), expected \(range.lowerBound) to \(range.upperBound)")
            }
            return found
        }
    }

    func number(_ name: String, default value: Double) throws(ModelFormatError) -> Float {
        Float(try read { root throws(JSONError) in try root.optionalMember(name)?.number() ?? value })
    }

    func string(_ name: String, default value: String) throws(ModelFormatError) -> String {
        try read { root throws(JSONError) in try root.optionalMember(name)?.string() ?? value }
    }

    func bool(_ name: String, default value: Bool) throws(ModelFormatError) -> Bool {
        try read { root throws(JSONError) in try root.optionalMember(name)?.bool() ?? value }
    }

    func unsupported(_ name: String, _ message: String) -> ModelFormatError {
        ModelFormatError(.unsupported, file: file, at: name, message)
    }

    /// The class that the weights were saved from, as "BertForMaskedLM"; nil when the file does not say.
    func architecture() throws(ModelFormatError) -> String? {
        try read { root throws(JSONError) in try root.optionalMember("architectures")?.elements().first?.string() }
    }

    /// How many classes a classifier has.
    func labelCount() throws(ModelFormatError) -> Int {
        try read { root throws(JSONError) in
            if let labels = try root.optionalMember("id2label") { return try labels.members().count }
            return try root.optionalMember("num_labels")?.integer() ?? 2
        }
    }

    /// The activation of a feed-forward layer, as ``Linear`` in the engine calls it.
    func activation(_ name: String, default value: String) throws(ModelFormatError) -> String {
        switch try string(name, default: value) {
        case "gelu": "gelu"
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": "gelu_tanh"
        case "relu": "relu"
        case let found:
            throw unsupported(
                name, "found '\(found)', supported: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu")
        }
    }
}
