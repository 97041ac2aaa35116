/// What a record of the registry topic is about, as its key says it: the topic is compacted, so the last record of each key
/// is what lasts.
public enum RegistryKey: Sendable, Hashable, CustomStringConvertible {
    /// `version/<model>/<number>`
    case version(ModelVersion.Identity)
    /// `alias/<model>/<alias>`
    case alias(model: String, alias: String)
    /// `traffic/<model>`
    case traffic(model: String)
    /// `instance/<instance>/<model>/<number>`: what became of a version on one instance. An instance's id may hold slashes.
    case instance(String, ModelVersion.Identity)
    /// `action/<kind>/<subject>`: the last thing of this kind that an operator did to a subject, which may hold slashes.
    case action(kind: String, subject: String)

    /// Nil when it is not one of the five forms.
    public init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        func identity(_ name: String, _ number: String) -> ModelVersion.Identity? {
            guard (try? ModelName.validate(name)) != nil, let value = Int(number), value > 0, String(value) == number
            else { return nil }
            return .init(name: name, number: value)
        }
        switch (parts[0], parts.count) {
        case ("version", 3):
            guard let identity = identity(parts[1], parts[2]) else { return nil }
            self = .version(identity)
        case ("alias", 3):
            guard (try? ModelName.validate(parts[1])) != nil, (try? AliasName.validate(parts[2])) != nil
            else { return nil }
            self = .alias(model: parts[1], alias: parts[2])
        case ("traffic", 2):
            guard (try? ModelName.validate(parts[1])) != nil else { return nil }
            self = .traffic(model: parts[1])
        case ("instance", 4...):
            let instance = parts[1..<(parts.count - 2)].joined(separator: "/")
            guard !instance.isEmpty, let identity = identity(parts[parts.count - 2], parts[parts.count - 1])
            else { return nil }
            self = .instance(instance, identity)
        case ("action", 3...):
            let subject = parts[2...].joined(separator: "/")
            guard !parts[1].isEmpty, !subject.isEmpty else { return nil }
            self = .action(kind: parts[1], subject: subject)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .version(let identity): "version/\(identity.name)/\(identity.number)"
        case .alias(let model, let alias): "alias/\(model)/\(alias)"
        case .traffic(let model): "traffic/\(model)"
        case .instance(let instance, let identity): "instance/\(instance)/\(identity.name)/\(identity.number)"
        case .action(let kind, let subject): "action/\(kind)/\(subject)"
        }
    }
}
