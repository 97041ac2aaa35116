/// A property that cannot be used, and why. Names the key, never a secret value.
public struct KafkaConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    public var key: String
    public var reason: String

    public init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    public var description: String { "Kafka property \(key): \(reason)" }
}
