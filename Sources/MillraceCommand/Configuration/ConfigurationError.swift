/// Everything that is wrong with a configuration, all at once, so that it is mended in one round.
struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    let problems: [ConfigurationProblem]

    var description: String {
        let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
        return "\(count) in the configuration\n" + problems.map { "  \($0)" }.joined(separator: "\n")
    }
}

/// One problem: where it was found and what would be right. Never holds a secret.
struct ConfigurationProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The configuration key, or the name that should have been one.
    let key: String
    /// Where an operator finds it: `millrace.yaml:12`, `MILLRACE_GATEWAY_PORT`, `--set`.
    let place: String
    let explanation: String

    var description: String { "\(key) (\(place)): \(explanation)" }

    static func unknown(_ name: String, place: String, nearest: String?) -> Self {
        let hint = nearest.map { "did you mean \($0)?" } ?? "`millrace config show` lists the known ones"
        return Self(key: name, place: place, explanation: "unknown; \(hint)")
    }

    static func mismatch(_ key: String, place: String, found raw: RawValue, isSecret: Bool, expected: String) -> Self {
        let found: String
        switch raw {
        case _ where isSecret: found = SecretValue.redacted
        case .scalar(""): found = "nothing"
        case .scalar(let text): found = "\"\(text.prefix(100))\""
        case .list(let elements):
            let shown = elements.prefix(10).map { String($0.prefix(100)) }
            found = "the list [\(shown.joined(separator: ", "))\(elements.count > 10 ? ", …" : "")]"
        }
        return Self(key: key, place: place, explanation: "found \(found), expected \(expected)")
    }
}
