import KafkaClient
import Logging

/// The artifact topic as it is.
struct ArtifactTopic: Sendable {
    private static let leaderPatience = Duration.seconds(15)
    private static let cleanupPolicy = "cleanup.policy"
    private static let recordLimit = "max.message.bytes"
    /// Key, headers and framing of a record beside its value.
    private static let recordOverhead = 4096

    let name: String
    let partitionCount: Int
    let chunkBytes: Int

    /// Where the tables of contents are.
    var index: TopicPartition { TopicPartition(topic: name, partition: 0) }

    /// Where a bundle's chunks go: never to partition 0 if there is another.
    func partition(of digest: String) -> Int32 {
        guard partitionCount > 1 else { return 0 }
        let number = UInt32(digest.prefix(7), radix: 16) ?? 0
        return 1 + Int32(number % UInt32(partitionCount - 1))
    }

    /// Nil when there is no such topic.
    static func find(_ configuration: KafkaArtifactStore.Configuration, logger: Logger) async throws -> ArtifactTopic? {
        try await withAdmin(configuration, logger) { try await describe(configuration, $0) }
    }

    /// Makes it if it is missing.
    static func prepare(_ configuration: KafkaArtifactStore.Configuration, logger: Logger) async throws -> ArtifactTopic
    {
        try await withAdmin(configuration, logger) { admin in
            if let topic = try await describe(configuration, admin) { return topic }
            let outcome = try await admin.createTopics([
                NewTopic(
                    name: configuration.topic, partitions: configuration.partitions,
                    replicationFactor: configuration.replicationFactor, configuration: [cleanupPolicy: "compact"])
            ])
            if outcome[configuration.topic] == .created {
                logger.info("artifact topic created", metadata: ["topic": "\(configuration.topic)"])
            }
            let deadline = ContinuousClock.now + leaderPatience
            while .now < deadline {
                if let topic = try await describe(configuration, admin) { return topic }
                try await Task.sleep(for: .milliseconds(50))
            }
            throw RegistryError.storeUnusable(
                path: "kafka:\(configuration.topic)", reason: "the topic was created but has no leaders")
        }
    }

    /// Nil while a partition has no leader.
    private static func describe(
        _ configuration: KafkaArtifactStore.Configuration, _ admin: KafkaAdmin
    ) async throws -> ArtifactTopic? {
        guard let topic = try await admin.metadata().topics[configuration.topic], !topic.partitions.isEmpty,
            topic.partitions.allSatisfy({ $0.leader != nil })
        else { return nil }
        var chunkBytes = max(configuration.chunkBytes, 1)
        if let properties = try await properties(of: configuration.topic, admin) {
            if let policy = properties[cleanupPolicy]?.value, policy != "compact" {
                throw RegistryError.storeUnusable(
                    path: "kafka:\(configuration.topic)",
                    reason:
                        "\(cleanupPolicy): found \"\(policy)\", expected \"compact\": any other deletes bundles after a "
                        + "time")
            }
            if let limit = properties[recordLimit]?.value.flatMap({ Int($0) }) {
                chunkBytes = max(1, min(chunkBytes, limit - recordOverhead))
            }
        }
        return ArtifactTopic(
            name: configuration.topic, partitionCount: topic.partitions.count, chunkBytes: chunkBytes)
    }

    /// Nil from a broker that does not tell: the embedded cluster, or no permission to ask.
    private static func properties(
        of topic: String, _ admin: KafkaAdmin
    ) async throws -> [String: ConfigurationEntry]? {
        do {
            return try await admin.configuration(ofTopic: topic)
        } catch let error as KafkaError where error.isUnsupported || error.isAuthorizationFailure || error.isTimeout {
            return nil
        }
    }

    static func withAdmin<Result: Sendable>(
        _ configuration: KafkaArtifactStore.Configuration, _ logger: Logger,
        _ body: (KafkaAdmin) async throws -> Result
    ) async throws -> Result {
        let admin = try KafkaAdmin(configuration.kafka, timeout: configuration.patience, logger: logger)
        do {
            let result = try await body(admin)
            await admin.close(deadline: .seconds(2))
            return result
        } catch {
            await admin.close(deadline: .seconds(2))
            throw error
        }
    }
}
