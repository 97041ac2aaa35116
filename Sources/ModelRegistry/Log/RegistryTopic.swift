public import KafkaClient
public import Logging

/// The registry's topic: one partition, whose offsets order all changes, and compacted, so that it keeps the last record of
/// each key for ever.
public struct RegistryTopic: Sendable, Hashable {
    /// How long a topic that was just made may take to have a leader.
    private static let leaderPatience = Duration.seconds(15)
    private static let cleanupPolicy = "cleanup.policy"

    public var name: String
    /// Of a topic made here; nil is the broker's default.
    public var replicationFactor: Int?
    /// Whether to ask for the topic's configuration. The embedded cluster answers no such question, so that each would
    /// take a whole timeout.
    public var isConfigurationChecked = true

    public init(name: String, replicationFactor: Int? = nil) {
        self.name = name
        self.replicationFactor = replicationFactor
    }

    public var partition: TopicPartition { TopicPartition(topic: name, partition: 0) }

    /// Makes the topic if it is missing, and refuses one that is not fit for a registry.
    ///
    /// A broker that does not tell a topic's configuration, as without permission to describe it, is believed to have it
    /// right.
    /// - Parameter creates: whether a missing topic is made.
    /// - Throws: ``RegistryLogError/missingTopic(_:)``, ``RegistryLogError/unsuitableTopic(_:reason:)``, ``KafkaError``.
    public func prepare(with admin: KafkaAdmin, creates: Bool = true, logger: Logger) async throws {
        if try await admin.metadata().topics[name] == nil {
            guard creates else { throw RegistryLogError.missingTopic(name) }
            try await create(with: admin, logger: logger)
        }
        try await check(with: admin, logger: logger)
    }

    private func create(with admin: KafkaAdmin, logger: Logger) async throws {
        let outcome = try await admin.createTopics([
            NewTopic(
                name: name, partitions: 1, replicationFactor: replicationFactor,
                configuration: [Self.cleanupPolicy: "compact"])
        ])
        if outcome[name] == .created { logger.info("registry topic created", metadata: ["topic": "\(name)"]) }
        let deadline = ContinuousClock.now + Self.leaderPatience
        while try await admin.metadata().topics[name]?.partitions.first?.leader == nil, .now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func check(with admin: KafkaAdmin, logger: Logger) async throws {
        guard let topic = try await admin.metadata().topics[name] else { throw RegistryLogError.missingTopic(name) }
        if let error = topic.error { throw error }
        guard topic.partitions.count == 1 else {
            throw RegistryLogError.unsuitableTopic(
                name, reason: "found \(topic.partitions.count) partitions, expected 1, which orders all changes")
        }
        guard isConfigurationChecked else { return }
        let configuration: [String: ConfigurationEntry]
        do {
            configuration = try await admin.configuration(ofTopic: name)
        } catch let error as KafkaError where error.isUnsupported || error.isAuthorizationFailure {
            logger.debug("registry topic's configuration unknown", metadata: ["error": "\(error)"])
            return
        }
        guard let policy = configuration[Self.cleanupPolicy]?.value else { return }
        guard policy.split(separator: ",").map({ $0.filter { $0 != " " } }) == ["compact"] else {
            throw RegistryLogError.unsuitableTopic(
                name,
                reason: "\(Self.cleanupPolicy): found \"\(policy)\", expected \"compact\"; "
                    + "any other deletes versions after a time (kafka-configs --alter --entity-type topics "
                    + "--entity-name \(name) --add-config \(Self.cleanupPolicy)=compact)")
        }
    }
}
