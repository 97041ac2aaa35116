import KafkaClient

/// The brokers' limits and versions against what the service needs. Pure: everything it looks at is handed in.
struct BrokerCheck {
    /// Longest time that a transaction of the service may take.
    let transactionTimeout: Duration

    func findings(_ broker: Int32, _ entries: [String: ConfigurationEntry], brokers: Int) -> [Finding] {
        let subject = "broker \(broker)"
        var findings: [Finding] = []
        func number(_ name: String) -> Int? { entries[name]?.value.flatMap { Int($0) } }
        let needed = Int(transactionTimeout.components.seconds) * 1000
        if let limit = number("transaction.max.timeout.ms"), limit < needed {
            findings.append(
                Finding(
                    .error, subject, "transaction.max.timeout.ms is \(limit): transactions of the service are refused",
                    expected: "\(needed) or more", fix: "set it in the broker's server.properties and restart it"))
        }
        for name in ["transaction.state.log.replication.factor", "offsets.topic.replication.factor"] {
            guard let factor = number(name), factor > brokers else { continue }
            findings.append(
                Finding(
                    .error, subject,
                    "\(name) is \(factor), there are \(brokers) brokers: no transaction or group can begin",
                    expected: "\(brokers) or less",
                    fix: "set it in the broker's server.properties, or start more brokers"))
        }
        if let minimum = number("transaction.state.log.min.isr"), minimum > brokers {
            findings.append(
                Finding(
                    .error, subject, "transaction.state.log.min.isr is \(minimum), there are \(brokers) brokers",
                    expected: "\(brokers) or less",
                    fix: "set it in the broker's server.properties, or start more brokers"))
        }
        // KRaft brokers report their own version here; from 4.0 on the property is gone.
        let protocolVersion = entries["inter.broker.protocol.version"]?.value
        let version = protocolVersion.map { "Kafka \($0.prefix { $0 != "-" })" } ?? "Kafka 4.0 or later"
        findings.append(Finding(.ok, subject, "reachable, \(version)"))
        return findings
    }

    /// The client library against the way of logging in.
    ///
    /// - Parameters:
    ///   - mechanism: `sasl.mechanism`, if any.
    ///   - isRefused: whether brokers have refused the credentials.
    static func client(mechanism: String?, isRefused: Bool, version: String, repeatsNonce: Bool) -> Finding {
        let subject = "client library"
        guard let mechanism, mechanism.uppercased().hasPrefix("SCRAM"), repeatsNonce else {
            return Finding(.ok, subject, "librdkafka \(version)")
        }
        return Finding(
            isRefused ? .error : .warning, subject,
            "librdkafka \(version) repeats its SCRAM nonce: brokers of Kafka 4.0 and later answer \"invalid credentials\" "
                + "to right ones" + (isRefused ? ", and the brokers refuse them" : ""),
            expected: "librdkafka 2.6.1 or later for \(mechanism)",
            fix: "install a newer librdkafka, or log in with PLAIN, OAUTHBEARER or mutual TLS")
    }
}
