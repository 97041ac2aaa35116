/// Where the cluster is and how to reach it: what every client of one application shares.
///
/// ```swift
/// let kafka = try KafkaConfiguration(
///     bootstrapServers: "broker-1:9092,broker-2:9092",
///     clientID: "millrace",
///     properties: ["security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", …])
/// ```
///
/// Its description, debug description and mirror show no secret.
public struct KafkaConfiguration: Sendable, Hashable {
    /// Comma-separated `host:port`.
    public let bootstrapServers: String
    /// Shown in broker logs, quotas and this module's metrics.
    public let clientID: String
    /// librdkafka properties, passed through; they override this module's defaults. Documented in librdkafka's
    /// CONFIGURATION.md. Names that librdkafka does not know are refused by it when a client is created.
    public let properties: [String: String]

    /// - Throws: ``KafkaConfigurationError`` when `bootstrapServers` is empty or a property is one that this module sets
    ///   itself (``ownedProperties``).
    public init(
        bootstrapServers: String, clientID: String = "millrace", properties: [String: String] = [:]
    ) throws(KafkaConfigurationError) {
        guard bootstrapServers.contains(where: { !$0.isWhitespace }) else {
            throw KafkaConfigurationError(
                key: "bootstrap.servers", reason: "is empty; expected one or more host:port, separated by commas")
        }
        for (key, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard !key.isEmpty, !key.utf8.contains(0), !value.utf8.contains(0) else {
                throw KafkaConfigurationError(
                    key: key.isEmpty ? "(empty name)" : key, reason: "a name or value is empty or holds a NUL byte")
            }
            if let owned = OwnedProperty.all[key], !owned.accepts(value) {
                throw KafkaConfigurationError(key: key, reason: owned.reason)
            }
        }
        self.bootstrapServers = bootstrapServers
        self.clientID = clientID
        self.properties = properties
    }

    /// Every property that is refused here, with the reason.
    public static var ownedProperties: [String: String] { OwnedProperty.all.mapValues(\.reason) }

    var redactor: SecretRedactor { SecretRedactor(properties: properties) }
}

extension KafkaConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        let shown = SecretRedactor.shown(properties).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return "KafkaConfiguration(\(bootstrapServers), client \(clientID), [\(shown.joined(separator: ", "))])"
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "bootstrapServers": bootstrapServers, "clientID": clientID,
                "properties": SecretRedactor.shown(properties),
            ])
    }
}
