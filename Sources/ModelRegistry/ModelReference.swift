/// Which version of which model a request wants.
public struct ModelReference: Sendable, Hashable, CustomStringConvertible {
    public var name: String
    public var version: VersionSelector

    public init(name: String, version: VersionSelector = .champion) {
        self.name = name
        self.version = version
    }

    /// `name`, `name@7` or `name@alias`, as configurations and command lines write it.
    public init(parsing text: String) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let version = parts.count == 2 ? VersionSelector(parsing: String(parts[1])) : .champion
        self.init(name: String(parts.first ?? ""), version: version)
    }

    public var description: String { "\(name)@\(version)" }
}

/// A version by number or by alias.
public enum VersionSelector: Sendable, Hashable, CustomStringConvertible {
    case number(Int)
    case alias(String)

    /// What an unqualified reference means.
    public static let champion = VersionSelector.alias("champion")

    /// A positive decimal number is a version number; anything else is an alias.
    public init(parsing text: String) {
        if let number = Int(text), number > 0 { self = .number(number) } else { self = .alias(text) }
    }

    public var description: String {
        switch self {
        case .number(let number): String(number)
        case .alias(let alias): alias
        }
    }
}
