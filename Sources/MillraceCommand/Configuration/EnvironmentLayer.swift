import Configuration
import JSONDocuments

/// The `MILLRACE_*` environment variables as a configuration layer.
enum EnvironmentLayer {
    static let prefix = "MILLRACE_"
    /// Names the configuration file; not a key itself.
    static let fileVariable = "MILLRACE_CONFIG"

    /// `MILLRACE_` and the key's path in capitals, every other character an underscore.
    static func variable(forKey key: String) -> String {
        prefix + String(key.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    /// - Parameter environment: the process's environment. Empty variables count as not given: container tools pass
    ///   those through for variables nobody set.
    static func make(from environment: [String: String]) -> ConfigurationLayer {
        let byVariable = Dictionary(
            uniqueKeysWithValues: ConfigurationKeys.all.filter { !$0.isMap }.map { ($0.environmentName, $0.name) })
        let propertyPrefix = variable(forKey: ConfigurationKeys.kafkaProperties.name) + "_"
        let bindings = ConfigurationKeys.bindings
        var places: [String: String] = [:]
        var problems: [ConfigurationProblem] = []
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (variable, text) in environment.sorted(by: { $0.key < $1.key })
        where variable.hasPrefix(prefix) && !text.isEmpty && !isForeign(variable, text) {
            if let key = byVariable[variable] {
                places[key] = variable
            } else if variable.hasPrefix(propertyPrefix), variable.count > propertyPrefix.count {
                let property = variable.dropFirst(propertyPrefix.count).lowercased().replacing("_", with: ".")
                let key = "\(ConfigurationKeys.kafkaProperties.name).\(property)"
                if let problem = ConfigurationKeyIndex.standard.problem(with: key, place: variable) {
                    problems.append(problem)
                } else {
                    places[key] = variable
                }
            } else if variable == bindings.environmentName {
                // A variable's name cannot spell a topic, so the whole mapping is one value: topic=model,topic=model.
                for entry in RawValue.scalar(text).elements {
                    guard let (topic, model) = splitAssignment(entry), isTopic(topic) else {
                        problems.append(
                            .mismatch(
                                bindings.name, place: variable, found: .scalar(entry), isSecret: false,
                                expected: "topic=model entries separated by commas"))
                        continue
                    }
                    let key = "\(bindings.name).\(topic)"
                    places[key] = variable
                    values[AbsoluteConfigKey(path: key)] = ConfigValue(.string(model), isSecret: false)
                }
            } else {
                let names = Array(byVariable.keys) + [bindings.environmentName, fileVariable]
                problems.append(
                    .unknown(variable, place: "environment", nearest: NearestName.nearest(to: variable, among: names)))
            }
        }
        let provider = EnvironmentVariablesProvider(
            environmentVariables: environment,
            secretsSpecifier: .dynamic { name, _ in SecretValue.isSecret(name) }
        ).prefixKeys(with: "millrace")
        return ConfigurationLayer(
            snapshot: FirstOf(
                first: InMemoryProvider(name: "bindings", values: values).snapshot(), second: provider.snapshot()),
            places: places, problems: problems)
    }

    /// Variables with the prefix that are not configuration: the file's path, the tests' settings, and the service
    /// links that Kubernetes and Docker put into every container beside a service called `millrace`.
    private static func isForeign(_ variable: String, _ text: String) -> Bool {
        if variable == fileVariable || variable == "MILLRACE_PYTHON" || variable.hasPrefix("MILLRACE_TEST_") {
            return true
        }
        if variable.hasSuffix("_SERVICE_HOST") || variable.contains("_SERVICE_PORT") { return true }
        return text.contains("://") && variable.hasSuffix("_PORT")
            || variable.contains(/_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/)
    }
}

/// Splits `name=value` at the first `=`; nil without one or with an empty side.
func splitAssignment(_ text: String) -> (name: String, value: String)? {
    guard let equals = text.firstIndex(of: "=") else { return nil }
    let name = text[..<equals].trimmingSpaces()
    let value = text[text.index(after: equals)...].trimmingSpaces()
    return name.isEmpty || value.isEmpty ? nil : (name, value)
}

/// Asks one snapshot, then another.
private struct FirstOf: ConfigSnapshot {
    let first: any ConfigSnapshot
    let second: any ConfigSnapshot

    var providerName: String { second.providerName }

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        if let found = try? first.value(forKey: key, type: type), found.value != nil { return found }
        return try second.value(forKey: key, type: type)
    }
}
