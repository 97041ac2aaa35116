import KafkaClient
import Logging

/// A command's access to the cluster: its configuration, an admin client and readers outside of any group.
struct ClusterTool: Sendable {
    let configuration: MillraceConfiguration
    let logger: Logger
    let admin: KafkaAdmin
    private let role: String

    /// Calls `body` with the tool and closes it.
    ///
    /// - Parameter role: what the clients call themselves.
    static func with<Value: Sendable>(
        _ options: ConfigurationOptions, role: String, timeout: Duration = .seconds(30),
        _ body: (ClusterTool) async throws -> Value
    ) async throws -> Value {
        let loaded = try options.load()
        LogBootstrap.start(loaded.configuration.logging)
        var logger = Logger(label: "millrace.\(role)")
        // What goes wrong is said once, at the end; the client library's attempts are for those who ask for a log.
        let isLogWanted = loaded.settings.contains { $0.key == "logging.level" && $0.source != "default" }
        if !isLogWanted { logger.logLevel = .critical }
        let tool = try ClusterTool(loaded.configuration, role: role, timeout: timeout, logger: logger)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(tool))
        } catch {
            result = .failure(error)
        }
        await tool.admin.close(deadline: .seconds(2))
        return try result.get()
    }

    init(_ configuration: MillraceConfiguration, role: String, timeout: Duration, logger: Logger) throws {
        self.configuration = configuration
        self.role = role
        self.logger = logger
        admin = try KafkaAdmin(
            try configuration.kafkaConfiguration(role: "\(role)-admin"), timeout: timeout, logger: logger)
    }

    /// How the tool reads; never joins the group and, unless it is told to, never commits for it.
    func consumerConfiguration(group: String? = nil) throws -> ConsumerConfiguration {
        ConsumerConfiguration(
            kafka: try configuration.kafkaConfiguration(role: role),
            groupID: group ?? "\(configuration.applicationID)-\(role)")
    }

    func makeReader() throws -> RangeReader { try RangeReader(try consumerConfiguration(), logger: logger) }

    /// The topic's partitions.
    /// - Throws: ``CommandFailure`` when there is no such topic.
    func partitions(of topic: String) async throws -> [TopicPartition] {
        guard let partitions = try await knownPartitions(of: topic) else {
            throw CommandFailure(
                .notFound, "topic \"\(topic)\" does not exist on \(configuration.bootstrapServers)")
        }
        return partitions
    }

    /// Nil when there is no such topic.
    func knownPartitions(of topic: String) async throws -> [TopicPartition]? {
        // Of all topics: asking for one by name may make it.
        let found = try await admin.metadata().topics[topic]
        guard let found, !found.partitions.isEmpty else { return nil }
        return found.topicPartitions
    }

    /// What the log holds of each partition.
    func kept(_ partitions: [TopicPartition]) async throws -> [TopicPartition: Range<Int64>] {
        let low = try await admin.offsets(of: partitions, at: .earliest)
        let high = try await admin.offsets(of: partitions, at: .latest)
        return Dictionary(
            uniqueKeysWithValues: partitions.map { partition in
                let first = (low[partition] ?? nil) ?? 0
                return (partition, first..<max(first, (high[partition] ?? nil) ?? first))
            })
    }

    /// The record at one place.
    /// - Throws: ``CommandFailure`` when the log does not hold it.
    func record(at partition: TopicPartition, offset: Int64) async throws -> KafkaRecord {
        let reader = try makeReader()
        let result: Result<KafkaRecord?, any Error>
        do {
            try await reader.start([partition: offset..<(offset + 1)])
            result = .success(try await reader.next()?.first)
        } catch {
            result = .failure(error)
        }
        await reader.close()
        guard let record = try result.get() else {
            throw CommandFailure(
                .notFound, "\(partition)/\(offset): no record there (deleted, or a transaction's marker)")
        }
        return record
    }
}
