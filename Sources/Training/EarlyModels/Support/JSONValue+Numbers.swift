import JSONDocuments

extension JSONValue {
    /// A list of numbers; null when it is longer than what belongs in a record.
    static func numbers(_ values: [Double]) -> JSONValue {
        values.count <= 4096 ? .array(values.map { .real($0) }) : .null
    }
}
