import JSONDocuments
import KafkaClient
import Logging

/// A command's access to consumer groups.
struct GroupSession: Sendable {
    let configuration: MillraceConfiguration
    let admin: KafkaAdmin
    /// Partitions of every topic.
    let topics: [String: [TopicPartition]]

    /// Calls `body` with the session and closes it.
    static func with<Value: Sendable>(
        _ options: ConfigurationOptions, _ body: (GroupSession) async throws -> Value
    ) async throws -> Value {
        let loaded = try options.load()
        LogBootstrap.start(loaded.configuration.logging)
        var logger = Logger(label: "millrace.offsets")
        // What goes wrong is said once, at the end; the client library's attempts are for those who ask for a log.
        let isLogWanted = loaded.settings.contains { $0.key == "logging.level" && $0.source != "default" }
        if !isLogWanted { logger.logLevel = .critical }
        // The log ends after its last record, as Apache Kafka's tool has it, and not before an open transaction.
        let admin = try KafkaAdmin(
            try loaded.configuration.kafkaConfiguration(role: "offsets"), isolation: .readUncommitted, logger: logger)
        let result: Result<Value, any Error>
        do {
            let metadata = try await admin.metadata()
            let session = GroupSession(
                configuration: loaded.configuration, admin: admin,
                topics: metadata.topics.mapValues(\.topicPartitions))
            result = .success(try await body(session))
        } catch {
            result = .failure(error)
        }
        await admin.close(deadline: .seconds(2))
        return try result.get()
    }

    /// The names of the groups that were asked for, in order and once each.
    func names(_ options: GroupOptions) async throws -> [String] {
        if options.allGroups { return try await admin.groups().map(\.id) }
        return options.groups.isEmpty ? [configuration.applicationID] : Set(options.groups).sorted()
    }

    func exists(_ partition: TopicPartition) -> Bool { topics[partition.topic]?.contains(partition) == true }

    /// What a group has committed; partitions without an offset are left out.
    func committed(_ group: String) async throws -> [TopicPartition: Int64] {
        try await admin.committedOffsets(ofGroup: group).compactMapValues { $0 }
    }

    /// Which of a group's offsets an open transaction may still change; none when the broker cannot say.
    func pending(_ group: String, among partitions: [TopicPartition]) async throws -> Set<TopicPartition> {
        do {
            return try await admin.partitionsWithPendingOffsets(ofGroup: group, among: partitions)
        } catch let error as KafkaError where error.isUnsupported {
            return []
        }
    }

    /// - Throws: ``CommandFailure`` that suggests the nearest group.
    func notFound(_ group: String) async throws -> CommandFailure {
        let nearest = NearestName.nearest(to: group, among: try await admin.groups().map(\.id))
        return CommandFailure(
            .notFound, "group \"\(group)\" does not exist\(nearest.map { "; did you mean \"\($0)\"?" } ?? "")")
    }
}

extension GroupDescription {
    /// Whether nobody works in it, so that its offsets may be moved.
    var isIdle: Bool { state == "Empty" || state == "Dead" }
    /// Kafka's word for a group that it knows nothing of.
    var isUnknown: Bool { state == "Dead" }
}
