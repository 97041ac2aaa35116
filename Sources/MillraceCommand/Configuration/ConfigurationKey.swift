/// What help, documentation and error messages need to know of a key.
protocol ConfigurationKeyDescription: Sendable {
    /// Dotted path, as it nests in the file.
    var name: String { get }
    var summary: String { get }
    /// The accepted values in words.
    var expected: String { get }
    /// The default as it would be configured, or in words where it depends on the machine.
    var defaultDescription: String { get }
    /// Whether it is a mapping with the operator's own keys, `name.*`.
    var isMap: Bool { get }
}

extension ConfigurationKeyDescription {
    /// How the key is listed: a mapping ends in `.*`.
    var listedName: String { isMap ? name + ".*" : name }

    /// The environment variable: `MILLRACE_`, then the path in capitals with every separator an underscore.
    var environmentName: String { EnvironmentLayer.variable(forKey: name) }
}

/// A key with one value of a known type and a default.
struct ConfigurationKey<Value: Sendable>: ConfigurationKeyDescription {
    let name: String
    let summary: String
    let type: ConfigurationValueType<Value>
    let defaultValue: Value
    let defaultDescription: String

    var expected: String { type.expected }
    var isMap: Bool { false }

    init(
        _ name: String, _ type: ConfigurationValueType<Value>, default value: Value,
        defaultDescription: String? = nil, _ summary: String
    ) {
        self.name = name
        self.summary = summary
        self.type = type
        self.defaultValue = value
        self.defaultDescription = defaultDescription ?? type.format(value)
    }
}

/// A mapping whose keys are the operator's (topics, librdkafka properties). Empty by default.
struct ConfigurationMapKey<Value: Sendable>: ConfigurationKeyDescription {
    let name: String
    let summary: String
    let type: ConfigurationValueType<Value>

    var expected: String { "a mapping, each value " + type.expected }
    var defaultDescription: String { "none" }
    var isMap: Bool { true }

    init(_ name: String, _ type: ConfigurationValueType<Value>, _ summary: String) {
        self.name = name
        self.summary = summary
        self.type = type
    }
}
