import JSONDocuments

/// Where things lie in a dataset file:
///
///     "MILLDATA", version (UInt64)
///     rows, each of features and label (binary32), weight (binary32), partition (Int32), offset (Int64),
///         and the position and length (UInt64) of each text
///     the texts' bytes
///     a description in JSON, its length (UInt64), "MILLDEND"
///
/// All little-endian. Rows have one width, so that any is found by its index.
struct DatasetFileLayout {
    static let magic = Array("MILLDATA".utf8)
    static let endMagic = Array("MILLDEND".utf8)
    static let version: UInt64 = 1
    static let headerByteCount = 16
    static let trailerByteCount = 16
    static let maximumDescriptionByteCount = 64 << 20

    let featureCount: Int
    let labelCount: Int
    let textCount: Int

    init(_ schema: DatasetSchema) {
        featureCount = schema.numberCount
        labelCount = schema.labelCount
        textCount = schema.textCount
    }

    var labelStart: Int { 4 * featureCount }
    var weightStart: Int { labelStart + 4 * labelCount }
    var partitionStart: Int { weightStart + 4 }
    var offsetStart: Int { partitionStart + 4 }
    var textStart: Int { offsetStart + 8 }
    var rowByteCount: Int { textStart + 16 * textCount }

    static func bytes(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

    /// What the description says.
    struct Description {
        var schema: DatasetSchema
        var rowCount: Int
        var textByteCount: Int
        /// What the class numbers of the rows become; nil when they stay.
        var ranks: [Int]?
        var digest: String

        init(schema: DatasetSchema, rowCount: Int, textByteCount: Int, ranks: [Int]?, digest: String) {
            self.schema = schema
            self.rowCount = rowCount
            self.textByteCount = textByteCount
            self.ranks = ranks
            self.digest = digest
        }

        var json: JSONValue {
            var members: [String: JSONValue] = [
                "schema": schema.json, "rows": .integer(Int64(rowCount)), "text_bytes": .integer(Int64(textByteCount)),
                "sha256": .string(digest),
            ]
            if let ranks { members["class_order"] = .array(ranks.map { .integer(Int64($0)) }) }
            return .object(members)
        }

        init(_ json: JSONCursor, limits: DataLimits) throws(JSONError) {
            try json.rejectUnknownMembers(allowed: ["schema", "rows", "text_bytes", "sha256", "class_order"])
            schema = try DatasetSchema(try json.member("schema"), limits: limits)
            rowCount = try json.member("rows").boundedInteger(0...limits.maximumRows)
            textByteCount = try json.member("text_bytes").boundedInteger(0...limits.maximumFileBytes)
            digest = try json.member("sha256").string()
            ranks = nil
            if let order = try json.optionalMember("class_order") {
                var found: [Int] = []
                for element in try order.elements() { found.append(try element.integer()) }
                guard found.sorted() == Array(0..<(schema.classNames?.count ?? 0)) else {
                    throw order.failure("found no order of the classes")
                }
                ranks = found
            }
        }
    }
}
