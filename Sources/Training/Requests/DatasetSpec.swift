public import JSONDocuments

/// Where the rows come from, what they mean, and what becomes of bad ones.
///
///     {"topic": "digits.train", "from": {"offsets": {"0": 100}}, "to": "latest", "schema": {…}, "poison": {"skip": 10}}
///     {"csv": "iris.csv", "schema": {…}}
public struct DatasetSpec: Sendable, Hashable {
    public enum Source: Sendable, Hashable {
        case topic(TopicRange)
        case csv(path: String, CSVOptions)
        case jsonLines(path: String)
        case npz(path: String)
        /// The rows themselves, an array of objects.
        case rows(JSONValue)
    }

    public let source: Source
    public let schema: DatasetSchema
    public let poison: PoisonPolicy

    private static let sources = ["topic", "csv", "json_lines", "npz", "rows"]

    init(_ json: JSONCursor, limits: DataLimits) throws(JSONError) {
        var found: [String] = []
        for name in Self.sources where try json.optionalMember(name) != nil { found.append(name) }
        guard found.count == 1, let kind = found.first else {
            let names = found.isEmpty ? "none" : found.map { "\"\($0)\"" }.joined(separator: " and ")
            throw json.failure("found \(names), expected one of \(Self.sources.joined(separator: ", "))")
        }
        var allowed: Set = [kind, "schema", "poison"]
        let value = try json.member(kind)
        switch kind {
        case "topic":
            allowed.formUnion(["partitions", "from", "to"])
            source = .topic(try TopicRange(json))
        case "csv":
            allowed.insert("csv_options")
            let options = try json.optionalMember("csv_options").map { (cursor) throws(JSONError) in
                try CSVOptions(cursor)
            }
            source = .csv(path: try value.string(), options ?? CSVOptions())
        case "json_lines": source = .jsonLines(path: try value.string())
        case "npz": source = .npz(path: try value.string())
        default:
            guard try !value.elements().isEmpty else { throw value.failure("found no rows") }
            source = .rows(value.value)
        }
        try json.rejectUnknownMembers(allowed: allowed)
        schema = try DatasetSchema(try json.member("schema"), limits: limits)
        poison =
            try json.optionalMember("poison").map { (cursor) throws(JSONError) in try PoisonPolicy(cursor) } ?? .refuse
    }

    /// Reads a source that is no topic. Blocks.
    /// - Parameters:
    ///   - spillPath: the file that rows go to which memory does not hold.
    ///   - positions: of a file's rows that were a topic's records.
    /// - Precondition: the source is no topic: whoever knows Kafka reads those.
    /// - Throws: ``DataError``.
    public func load(
        spillPath: String? = nil, limits: DataLimits = .default, positions: ArchivedPositions? = nil
    ) throws(DataError) -> (dataset: any Dataset, poison: PoisonRecords) {
        switch source {
        case .topic: preconditionFailure("a topic is read by its client")
        case .csv(let path, let options):
            try DatasetLoading.csv(
                path, schema: schema, options: options, policy: poison, spillPath: spillPath, limits: limits,
                positions: positions)
        case .jsonLines(let path):
            try DatasetLoading.jsonLines(
                path, schema: schema, policy: poison, spillPath: spillPath, limits: limits, positions: positions)
        case .npz(let path):
            try DatasetLoading.npz(
                path, schema: schema, policy: poison, spillPath: spillPath, limits: limits, positions: positions)
        case .rows(let rows):
            try DatasetLoading.rows(
                JSONCursor(rows, path: "dataset.rows"), schema: schema, policy: poison, limits: limits)
        }
    }
}

/// Records of a topic: whole partitions, or from some offset or time to another.
public struct TopicRange: Sendable, Hashable {
    public enum Bound: Sendable, Hashable {
        case earliest
        /// The end as it is when the job is accepted.
        case latest
        /// By partition; others begin at their earliest record, or end at their latest.
        case offsets([Int32: Int64])
        /// The first record of this time or later: RFC 3339.
        case time(String)
    }

    public let topic: String
    /// nil for all.
    public let partitions: [Int32]?
    public let start: Bound
    /// Exclusive.
    public let end: Bound

    init(_ json: JSONCursor) throws(JSONError) {
        topic = try json.member("topic").string()
        guard (1...249).contains(topic.utf8.count) else {
            throw try json.member("topic").failure("found \(topic.utf8.count) characters, expected 1 to 249")
        }
        if let list = try json.optionalMember("partitions") {
            var found: [Int32] = []
            for element in try list.elements() {
                let partition = Int32(try Setting.wholeNumber(element, in: 0...Int(Int32.max)))
                guard !found.contains(partition) else { throw element.failure("found \(partition) twice") }
                found.append(partition)
            }
            guard !found.isEmpty else { throw list.failure("found no partitions, expected at least one") }
            partitions = found.sorted()
        } else {
            partitions = nil
        }
        start = try json.optionalMember("from").map { (cursor) throws(JSONError) in try Bound(cursor) } ?? .earliest
        end = try json.optionalMember("to").map { (cursor) throws(JSONError) in try Bound(cursor) } ?? .latest
    }
}

extension TopicRange.Bound {
    /// Reads `"earliest"`, `"latest"`, `{"offsets": {"0": 12}}` or `{"time": "2026-01-31T12:00:00Z"}`.
    fileprivate init(_ json: JSONCursor) throws(JSONError) {
        if case .string = json.value {
            self = try Setting.choice(json, of: ["earliest", "latest"]) == "earliest" ? .earliest : .latest
            return
        }
        try json.rejectUnknownMembers(allowed: ["offsets", "time"])
        if let time = try json.optionalMember("time") {
            if let both = try json.optionalMember("offsets") { throw both.failure("found a time too, expected one") }
            self = .time(try time.string())
            return
        }
        var offsets: [Int32: Int64] = [:]
        for (key, value) in try json.member("offsets").members() {
            guard let partition = Int32(key), partition >= 0 else {
                throw value.failure("found \"\(key)\", expected the number of a partition")
            }
            offsets[partition] = Int64(try Setting.wholeNumber(value, in: 0...Int.max))
        }
        self = .offsets(offsets)
    }
}
