import KafkaClient

/// One topic of the service, against what the service needs of it. Pure: everything it looks at is handed in.
struct TopicCheck {
    enum Role: Sendable, Equatable {
        case requests
        /// With the largest result that the service writes.
        case results(bytes: Int)
        /// With the largest request that the service takes.
        case deadLetters(bytes: Int)
        case registry
        /// With the size of a chunk.
        case artifacts(chunkBytes: Int)
        case training(TrainingTopic)

        /// Made by whoever needs it first, not by the service's start.
        var isOwn: Bool {
            switch self {
            case .registry, .artifacts: true
            default: false
            }
        }
    }

    let name: String
    let role: Role
    let bootstrap: String
    /// What the service makes topics with.
    let partitions: Int
    let replicationFactor: Int

    var subject: String { "topic \(name)" }

    func missing() -> Finding {
        let policy = role.isOwn ? " --config cleanup.policy=compact" : ""
        return Finding(
            .error, subject, "does not exist", expected: "the topic, or topics.create: true",
            fix: "kafka-topics.sh --bootstrap-server \(bootstrap) --create --topic \(name) "
                + "--partitions \(role == .registry ? 1 : partitions) --replication-factor \(replicationFactor)\(policy)"
        )
    }

    /// - Parameters:
    ///   - requestPartitions: of the request topic with the most.
    ///   - brokers: how many there are.
    func findings(
        _ topic: ClusterMetadata.Topic, _ entries: [String: ConfigurationEntry], requestPartitions: Int, brokers: Int
    ) -> [Finding] {
        var findings: [Finding] = []
        if let error = topic.error {
            return [Finding(.error, subject, "\(error)", fix: "allow the service's user to describe the topic")]
        }
        findings += partitionFindings(topic, requestPartitions)
        findings += replicaFindings(topic, entries, brokers)
        findings += policyFindings(entries)
        findings += sizeFindings(entries)
        if case .training(let topic) = role { findings += trainingFindings(topic, entries) }
        return findings.isEmpty
            ? [Finding(.ok, subject, "\(topic.partitions.count) partitions, as it should be")] : findings
    }

    private func partitionFindings(_ topic: ClusterMetadata.Topic, _ requestPartitions: Int) -> [Finding] {
        var findings: [Finding] = []
        let headless = topic.partitions.filter { $0.leader == nil }.map { "\($0.id)" }
        if !headless.isEmpty {
            findings.append(
                Finding(
                    .error, subject, "no leader for partition \(headless.joined(separator: ", "))",
                    expected: "a leader each", fix: "start the brokers that hold its replicas"))
        }
        if case .results = role, topic.partitions.count < requestPartitions {
            findings.append(
                Finding(
                    .warning, subject,
                    "\(topic.partitions.count) partitions, a request topic has \(requestPartitions): results of the "
                        + "others go by their key, and a replay searches all partitions for them",
                    expected: "\(requestPartitions) partitions or more",
                    fix: "kafka-topics.sh --bootstrap-server \(bootstrap) --alter --topic \(name) "
                        + "--partitions \(requestPartitions)"))
        }
        if role == .registry, topic.partitions.count != 1 {
            findings.append(
                Finding(
                    .error, subject, "\(topic.partitions.count) partitions: its events have no order",
                    expected: "1 partition", fix: "make it anew with one partition"))
        }
        return findings
    }

    private func replicaFindings(
        _ topic: ClusterMetadata.Topic, _ entries: [String: ConfigurationEntry], _ brokers: Int
    ) -> [Finding] {
        guard let replicas = topic.partitions.map(\.replicas.count).min() else { return [] }
        var findings: [Finding] = []
        let inSync = topic.partitions.map(\.inSyncReplicas.count).min() ?? 0
        let minimum = entries["min.insync.replicas"]?.value.flatMap { Int($0) } ?? 1
        if minimum > inSync {
            findings.append(
                Finding(
                    .error, subject,
                    "\(inSync) replicas are in sync, min.insync.replicas is \(minimum): every write fails",
                    expected: "\(minimum) in sync",
                    fix: minimum > replicas
                        ? alter("min.insync.replicas", "\(max(1, replicas - 1))")
                        : "start the brokers that hold its replicas"))
        } else if replicas >= 3, minimum < 2 {
            findings.append(
                Finding(
                    .warning, subject,
                    "min.insync.replicas is \(minimum) with \(replicas) replicas: one broker's loss may "
                        + "lose acknowledged records",
                    expected: "2", fix: alter("min.insync.replicas", "2")))
        }
        if replicas == 1 {
            let level: Finding.Level = brokers > 1 ? .warning : .info
            findings.append(
                Finding(
                    level, subject, "one replica: the loss of a broker is the loss of its records",
                    expected: brokers > 1
                        ? "a replication factor of \(min(3, brokers))" : "three brokers in production",
                    fix: brokers > 1 ? "kafka-reassign-partitions.sh with \(min(3, brokers)) replicas each" : nil))
        } else if inSync < replicas {
            findings.append(
                Finding(
                    .warning, subject, "a partition has \(inSync) of \(replicas) replicas in sync",
                    expected: "all of them", fix: "look at the brokers that hold the others"))
        }
        return findings
    }

    private func policyFindings(_ entries: [String: ConfigurationEntry]) -> [Finding] {
        guard let policy = entries["cleanup.policy"]?.value else { return [] }
        let isCompacted = policy.contains("compact")
        switch role {
        case .registry where policy != "compact", .artifacts where policy != "compact":
            let loss = role == .registry ? "versions and aliases" : "models"
            return [
                Finding(
                    .error, subject, "cleanup.policy is \(policy): \(loss) would be deleted with time",
                    expected: "compact", fix: alter("cleanup.policy", "compact"))
            ]
        case .requests, .results, .deadLetters:
            guard isCompacted else { return [] }
            let level: Finding.Level = if case .deadLetters = role { .warning } else { .error }
            return [
                Finding(
                    level, subject,
                    "cleanup.policy is \(policy): of records with the same key all but the last are deleted",
                    expected: "delete", fix: alter("cleanup.policy", "delete"))
            ]
        case .registry, .artifacts, .training: return []
        }
    }

    private func sizeFindings(_ entries: [String: ConfigurationEntry]) -> [Finding] {
        // Key and headers come on top of the value.
        let overhead = 4096
        guard let limit = entries["max.message.bytes"]?.value.flatMap({ Int($0) }) else { return [] }
        switch role {
        case .results(let bytes) where limit < bytes + overhead:
            return [
                Finding(
                    .warning, subject,
                    "max.message.bytes is \(limit), limits.maximum-result-bytes is \(bytes): a result in between is "
                        + "answered TOO_LARGE",
                    expected: "\(bytes + overhead) or more",
                    fix: alter("max.message.bytes", "\(bytes + overhead)")
                        + ", or --set limits.maximum-result-bytes=\(max(1024, limit - overhead))")
            ]
        case .deadLetters(let bytes) where limit < bytes:
            return [
                Finding(
                    .warning, subject,
                    "max.message.bytes is \(limit), its request topic takes \(bytes): a dead letter in between "
                        + "goes without its value",
                    expected: "\(bytes) or more", fix: alter("max.message.bytes", "\(bytes + overhead)"))
            ]
        case .artifacts(let bytes) where limit < bytes + overhead:
            return [
                Finding(
                    .info, subject,
                    "max.message.bytes is \(limit): bundles go in chunks of less than \(bytes) bytes, which takes longer",
                    expected: "\(bytes + overhead) or more", fix: alter("max.message.bytes", "\(bytes + overhead)"))
            ]
        default: return []
        }
    }

    func alter(_ property: String, _ value: String) -> String {
        "kafka-configs.sh --bootstrap-server \(bootstrap) --alter --entity-type topics --entity-name \(name) "
            + "--add-config \(property)=\(value)"
    }
}
