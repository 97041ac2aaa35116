import Configuration

/// Reads typed values out of layered sources, the first layer that gives a key winning, and remembers where each came
/// from. Problems are collected, so that one run reports all of them.
struct ConfigurationReader {
    /// One line of the effective configuration.
    struct Setting: Sendable, Equatable {
        let key: String
        /// The value as it would be configured; redacted when secret.
        let value: String
        /// `default`, or the file and line, variable or flag that gave it.
        let source: String
    }

    /// Highest precedence first.
    private let layers: [ConfigurationLayer]
    private(set) var settings: [Setting] = []
    private(set) var problems: [ConfigurationProblem]

    init(layers: [ConfigurationLayer]) {
        self.layers = layers
        self.problems = layers.flatMap(\.problems)
    }

    mutating func read<Value>(_ key: ConfigurationKey<Value>) -> Value {
        for layer in layers {
            guard let (raw, place) = layer.value(forKey: key.name, asList: key.type.isList) else { continue }
            guard let value = parse(raw, as: key.type, key: key.name, place: place) else { return key.defaultValue }
            record(key.name, text: key.type.format(value), source: place)
            return value
        }
        record(key.name, text: key.type.format(key.defaultValue), source: "default")
        return key.defaultValue
    }

    /// The mapping's entries, each from the highest layer that gives it.
    mutating func read<Value>(_ map: ConfigurationMapKey<Value>) -> [String: Value] {
        var values: [String: Value] = [:]
        var seen: Set<String> = []
        for layer in layers {
            for (name, place) in layer.entries(of: map.name) where seen.insert(name).inserted {
                let key = "\(map.name).\(name)"
                guard let (raw, _) = layer.value(forKey: key, asList: map.type.isList),
                    let value = parse(raw, as: map.type, key: key, place: place)
                else { continue }
                values[name] = value
                record(key, text: map.type.format(value), source: place)
            }
        }
        return values
    }

    /// Records a problem that only shows when values are seen together.
    mutating func refuse(_ key: String, _ explanation: String) {
        problems.append(ConfigurationProblem(key: key, place: source(of: key), explanation: explanation))
    }

    func source(of key: String) -> String {
        settings.first { $0.key == key }?.source ?? "default"
    }

    private mutating func parse<Value>(
        _ raw: RawValue, as type: ConfigurationValueType<Value>, key: String, place: String
    ) -> Value? {
        var expected = type.expected
        do throws(ValueMismatch) {
            if let value = try type.parse(raw) { return value }
        } catch {
            expected = error.expected
        }
        problems.append(
            .mismatch(key, place: place, found: raw, isSecret: SecretValue.isSecret(key), expected: expected))
        return nil
    }

    private mutating func record(_ key: String, text: String, source: String) {
        let shown = SecretValue.isSecret(key) ? SecretValue.redacted : text
        settings.append(Setting(key: key, value: shown, source: source))
    }
}
