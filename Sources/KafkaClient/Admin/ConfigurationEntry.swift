/// One property of a topic or a broker as the cluster applies it.
public struct ConfigurationEntry: Sendable, Hashable {
    /// Where the value was set, the closest first.
    public enum Source: Sendable, Hashable {
        case topic, broker, allBrokers, brokerFile, byDefault, unknown
    }

    public var name: String
    /// `nil` is null, or withheld because it is a secret.
    public var value: String?
    public var source: Source
    public var isReadOnly: Bool
    public var isSensitive: Bool

    public init(
        name: String, value: String?, source: Source = .unknown, isReadOnly: Bool = false, isSensitive: Bool = false
    ) {
        self.name = name
        self.value = value
        self.source = source
        self.isReadOnly = isReadOnly
        self.isSensitive = isSensitive
    }
}

/// One access rule of a cluster's authorizer (KIP-140, prefixes by KIP-290).
public struct AccessRule: Sendable, Hashable {
    public enum ResourceKind: Sendable, Hashable {
        case topic, group, cluster, transactionalID
        /// A kind that this client does not name, `USER` say.
        case other(String)
    }

    public enum Pattern: Sendable, Hashable {
        /// The resource of exactly this name; `*` is every resource.
        case literal
        /// Every resource whose name begins with this one.
        case prefixed
    }

    public var resource: ResourceKind
    public var name: String
    public var pattern: Pattern
    /// `User:alice`; `User:*` is everyone.
    public var principal: String
    /// `*` is any.
    public var host: String
    /// As Kafka names it: `Read`, `Write`, `All`, `IdempotentWrite`, …
    public var operation: String
    public var isAllowing: Bool

    public init(
        resource: ResourceKind, name: String, pattern: Pattern, principal: String, host: String, operation: String,
        isAllowing: Bool
    ) {
        self.resource = resource
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.isAllowing = isAllowing
    }

    /// Whether the rule is about the resource of that name.
    public func covers(_ resource: ResourceKind, named name: String) -> Bool {
        guard self.resource == resource else { return false }
        return switch pattern {
        case .literal: self.name == name || self.name == "*"
        case .prefixed: name.hasPrefix(self.name)
        }
    }
}
