import Configuration

/// Command-line flags as a configuration layer.
enum FlagLayer {
    /// One value given on the command line.
    struct Assignment: Sendable, Equatable {
        let key: String
        let value: String
        /// The flag as typed: `--log-level`.
        let flag: String
    }

    /// A later assignment of the same key wins, as on any command line.
    static func make(from assignments: [Assignment]) -> ConfigurationLayer {
        var places: [String: String] = [:]
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var problems: [ConfigurationProblem] = []
        for assignment in assignments {
            if let problem = ConfigurationKeyIndex.standard.problem(with: assignment.key, place: assignment.flag) {
                problems.append(problem)
                continue
            }
            places[assignment.key] = assignment.flag
            values[AbsoluteConfigKey(path: assignment.key)] = ConfigValue(
                .string(assignment.value), isSecret: SecretValue.isSecret(assignment.key))
        }
        return ConfigurationLayer(
            snapshot: InMemoryProvider(name: "flags", values: values).snapshot(), places: places, problems: problems)
    }
}
