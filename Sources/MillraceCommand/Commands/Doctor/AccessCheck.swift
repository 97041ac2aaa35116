import KafkaClient

/// Access rules against what the service does. Pure: everything it looks at is handed in.
///
/// Which of them hold for the service's own user cannot be asked, so that only rules which forbid are findings.
struct AccessCheck {
    let topics: [String]
    let groups: [String]

    func findings(_ rules: [AccessRule]) -> [Finding] {
        var findings: [Finding] = []
        for rule in rules where !rule.isAllowing {
            let names: [String] =
                switch rule.resource {
                case .topic: topics.filter { rule.covers(.topic, named: $0) }
                case .group: groups.filter { rule.covers(.group, named: $0) }
                case .transactionalID: groups.filter { rule.name == "*" || $0.hasPrefix(rule.name) }
                default: []
                }
            guard !names.isEmpty else { continue }
            findings.append(
                Finding(
                    .warning, "access rules",
                    "\(rule.principal) from \(rule.host) is denied \(rule.operation) of \(names.joined(separator: ", "))",
                    expected: "no such rule for the service's user",
                    fix: "kafka-acls.sh --remove --deny-principal \(rule.principal) --operation \(rule.operation)"))
        }
        if findings.isEmpty {
            findings = [Finding(.ok, "access rules", "\(rules.count) rules, none denies the service")]
        }
        return findings
    }

    func finding(for error: KafkaError) -> Finding {
        if error.isSecurityDisabled {
            return Finding(.ok, "access rules", "the cluster has no authorizer: everything is permitted")
        }
        if error.isAuthorizationFailure {
            return Finding(
                .warning, "access rules", "this user may not read them", expected: "Describe on the cluster",
                fix: "kafka-acls.sh --add --allow-principal User:… --operation Describe --cluster")
        }
        return Finding(.info, "access rules", "not checked: \(error)")
    }
}
