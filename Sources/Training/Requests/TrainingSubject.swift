public import JSONDocuments

/// What is trained.
public enum TrainingSubject: Sendable, Hashable {
    /// A new network.
    case architecture(ArchitectureSpec)
    /// A model without layers.
    case earlyModel(EarlyModelKind, hyperparameters: JSONValue)
    /// A version that is there already, to be trained further.
    case base(BaseVersion)

    private static let members = ["architecture", "early_model", "base"]

    /// Reads whichever of `architecture`, `early_model` and `base` the request has.
    init(_ json: JSONCursor) throws(JSONError) {
        var found: [(name: String, value: JSONCursor)] = []
        for name in Self.members {
            if let value = try json.optionalMember(name) { found.append((name, value)) }
        }
        guard found.count == 1, let (name, value) = found.first else {
            let names = found.isEmpty ? "none" : found.map { "\"\($0.name)\"" }.joined(separator: " and ")
            throw json.failure("found \(names), expected one of \"architecture\", \"early_model\" and \"base\"")
        }
        switch name {
        case "architecture": self = .architecture(try ArchitectureSpec(value))
        case "base": self = .base(try BaseVersion(value))
        default:
            try value.rejectUnknownMembers(allowed: ["family", "hyperparameters"])
            let kind = try EarlyModelKind(reading: try value.member("family"))
            let hyperparameters = try value.optionalMember("hyperparameters")
            // What is wrong with them is said now, not when the job starts.
            let model = try kind.makeModel(hyperparameters)
            self = .earlyModel(kind, hyperparameters: model.hyperparameters)
        }
    }
}

/// A version to go on from.
///
///     {"model": "digits", "version": "champion", "frozen": ["conv*"], "output": "probabilities"}
public struct BaseVersion: Sendable, Hashable {
    /// nil for the model that is trained.
    public let model: String?
    /// A number or an alias.
    public let version: String
    /// Patterns of the initializers that stay as they are; `*` stands for any characters.
    public let frozen: [String]
    /// Which output the loss is of; nil for the only one.
    public let output: String?

    init(_ json: JSONCursor) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["model", "version", "frozen", "output"])
        model = try json.optionalMember("model").map { (cursor) throws(JSONError) in try Setting.name(cursor) }
        if let version = try json.optionalMember("version") {
            if case .integer(let number) = version.value {
                guard number >= 1 else { throw version.failure("found \(number), expected at least 1") }
                self.version = String(number)
            } else {
                self.version = try Setting.name(version)
            }
        } else {
            version = "champion"
        }
        frozen = try json.optionalMember("frozen")?.stringElements() ?? []
        output = try json.optionalMember("output").map { (cursor) throws(JSONError) in try cursor.string() }
    }
}
