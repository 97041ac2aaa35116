/// The properties one client hands to librdkafka, in the order they are set.
struct NativeProperties: Sendable {
    struct Entry: Sendable {
        var key: String
        var value: String
        /// Left out when this librdkafka is too old to know it.
        var isOptional = false
    }

    private(set) var entries: [Entry] = []
    /// Set by the operator: these win over this module's defaults.
    private let overrides: [String: String]
    let redactor: SecretRedactor
    let clientID: String

    init(_ kafka: KafkaConfiguration) {
        overrides = kafka.properties
        redactor = kafka.redactor
        clientID = kafka.clientID
        entries = kafka.properties.sorted { $0.key < $1.key }.map { Entry(key: $0.key, value: $0.value) }
        set("bootstrap.servers", kafka.bootstrapServers)
        set("client.id", kafka.clientID)
    }

    /// For a client that talks to no cluster.
    init(detached kafka: KafkaConfiguration) {
        self.init(kafka)
        entries.removeAll { $0.key == "bootstrap.servers" }
    }

    /// Sets a property that the operator cannot override.
    mutating func set(_ key: String, _ value: String) {
        entries.removeAll { $0.key == key }
        entries.append(Entry(key: key, value: value))
    }

    mutating func set(_ key: String, _ value: Duration) {
        set(key, String(value.wholeMilliseconds))
    }

    mutating func setDefault(_ key: String, _ value: String, isOptional: Bool = false) {
        if Self.aliases(of: key).contains(where: { overrides[$0] != nil }) { return }
        entries.append(Entry(key: key, value: value, isOptional: isOptional))
    }

    mutating func setDefault(_ key: String, _ value: Int) {
        setDefault(key, String(value))
    }

    mutating func setDefault(_ key: String, _ value: Duration, isOptional: Bool = false) {
        setDefault(key, String(value.wholeMilliseconds), isOptional: isOptional)
    }

    /// librdkafka has two names for some properties; an override under either must win.
    private static func aliases(of key: String) -> [String] {
        let pairs = [
            ["linger.ms", "queue.buffering.max.ms"], ["delivery.timeout.ms", "message.timeout.ms"],
            ["compression.codec", "compression.type"],
        ]
        return pairs.first { $0.contains(key) } ?? [key]
    }
}

extension Duration {
    /// Rounded towards zero and kept within what librdkafka takes, a C `int`.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        let limit: Int64 = 2_147_483
        return Int(min(max(seconds, -limit), limit) * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    var millisecondsForC: Int32 { Int32(clamping: wholeMilliseconds) }
}
