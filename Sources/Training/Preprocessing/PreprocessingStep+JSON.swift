public import JSONDocuments

extension PreprocessingStep {
    /// Reads `{"type": "standardize", "columns": ["age"]}`.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        let type = try json.member("type")
        switch try type.string() {
        case "standardize":
            try json.rejectUnknownMembers(allowed: ["type", "columns", "statistics", "layout"])
            self = .standardize(columns: try Self.columns(json), try Statistics(step: json))
        case "min_max":
            try json.rejectUnknownMembers(
                allowed: ["type", "columns", "statistics", "layout", "lower", "upper", "clip"])
            let lower = try json.optionalMember("lower")?.number() ?? 0
            let upper = try json.optionalMember("upper")?.number() ?? 1
            guard lower < upper else {
                throw json.failure("found the range \(lower) to \(upper), expected a larger upper")
            }
            self = .minMax(
                columns: try Self.columns(json), try Statistics(step: json), lower: lower, upper: upper,
                clips: try json.optionalMember("clip")?.bool() ?? false)
        case "impute":
            try json.rejectUnknownMembers(allowed: ["type", "columns", "strategy", "value"])
            self = .impute(columns: try Self.columns(json), try Imputation(step: json))
        case "one_hot":
            try json.rejectUnknownMembers(allowed: ["type", "columns", "unknown"])
            let unknown = try json.optionalChoice("unknown", ["zeros", "error"]) ?? "zeros"
            self = .oneHot(columns: try Self.columns(json), refusesUnknown: unknown == "error")
        case "token_ids":
            try json.rejectUnknownMembers(
                allowed: TextOptions.members.union(["length", "maximum_vocabulary", "padding", "truncation"]))
            self = .tokenIDs(
                column: try json.member("column").string(), try TextOptions(step: json), try TokenOptions(step: json))
        case "bag_of_words":
            try json.rejectUnknownMembers(
                allowed: TextOptions.members.union(["weighting", "longest", "maximum_features", "normalize"]))
            self = .bagOfWords(
                column: try json.member("column").string(), try TextOptions(step: json), try BagOptions(step: json))
        case "rescale":
            try json.rejectUnknownMembers(allowed: ["type", "columns", "scale", "offset"])
            self = .rescale(
                columns: try Self.columns(json), scale: try json.optionalMember("scale")?.number() ?? 1,
                offset: try json.optionalMember("offset")?.number() ?? 0)
        case "resize":
            try json.rejectUnknownMembers(
                allowed: ["type", "columns", "height", "width", "layout", "mode", "antialias"])
            self = .resize(columns: try Self.columns(json), try ResizeOptions(step: json))
        case "select":
            try json.rejectUnknownMembers(allowed: ["type", "columns"])
            self = .select(columns: try json.member("columns").stringElements())
        case let other: throw type.unknownName(other, among: Self.types)
        }
    }

    private static func columns(_ json: JSONCursor) throws(JSONError) -> [String]? {
        try json.optionalMember("columns")?.stringElements()
    }

    /// The step as JSON; reading it yields an equal one.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["type": .string(type)]
        func set(_ columns: [String]?) {
            if let columns { members["columns"] = .array(columns.map { .string($0) }) }
        }
        switch self {
        case .standardize(let columns, let statistics):
            set(columns)
            statistics.write(&members)
        case .minMax(let columns, let statistics, let lower, let upper, let clips):
            set(columns)
            statistics.write(&members)
            members["lower"] = .real(lower)
            members["upper"] = .real(upper)
            members["clip"] = .bool(clips)
        case .impute(let columns, let imputation):
            set(columns)
            imputation.write(&members)
        case .oneHot(let columns, let refusesUnknown):
            set(columns)
            members["unknown"] = refusesUnknown ? "error" : "zeros"
        case .tokenIDs(let column, let text, let tokens):
            members["column"] = .string(column)
            text.write(&members)
            tokens.write(&members)
        case .bagOfWords(let column, let text, let bag):
            members["column"] = .string(column)
            text.write(&members)
            bag.write(&members)
        case .rescale(let columns, let scale, let offset):
            set(columns)
            members["scale"] = .real(scale)
            members["offset"] = .real(offset)
        case .resize(let columns, let options):
            set(columns)
            options.write(&members)
        case .select(let columns): set(columns)
        }
        return .object(members)
    }
}

extension JSONCursor {
    /// The string member, one of the choices; nil when it is absent.
    func optionalChoice(_ key: String, _ choices: [String]) throws(JSONError) -> String? {
        guard let member = try optionalMember(key) else { return nil }
        let found = try member.string()
        guard choices.contains(found) else { throw member.unknownName(found, among: choices) }
        return found
    }

    /// The string member as a case of an enumeration.
    func optionalCase<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) throws(JSONError) -> Choice? {
        try optionalChoice(key, Choice.allCases.map(\.rawValue)).flatMap(Choice.init(rawValue:))
    }
}
