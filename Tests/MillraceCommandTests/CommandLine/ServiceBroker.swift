import Foundation
import JSONDocuments
import KafkaClient
import Logging
import Testing

@testable import MillraceCommand

/// The broker that `MILLRACE_TEST_BOOTSTRAP` names, or one in this process, with topics of its own.
final class ServiceBroker: Sendable {
    let servers: String
    let requests: String
    private let unique: String
    private let embedded: EmbeddedCluster?

    private init(servers: String, embedded: EmbeddedCluster?) {
        self.servers = servers
        self.embedded = embedded
        unique = String(UUID().uuidString.prefix(8))
        requests = "cli-\(unique)-requests"
    }

    static func start() async throws -> ServiceBroker {
        let external = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"] ?? ""
        let embedded = external.isEmpty ? try EmbeddedCluster() : nil
        let broker = ServiceBroker(servers: embedded?.bootstrapServers ?? external, embedded: embedded)
        let topics = [broker.requests, broker.requests + "-dlt", broker.results]
        if let embedded {
            for topic in topics { try embedded.createTopic(topic, partitions: 2) }
            return broker
        }
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: external), logger: quiet)
        _ = try await admin.createTopics(topics.map { NewTopic(name: $0, partitions: 2, replicationFactor: 1) })
        await admin.close(deadline: .seconds(2))
        return broker
    }

    private var results: String { "cli-\(unique)-results" }

    /// The configuration that uses them.
    var flags: [String] {
        [
            "--set", "topics.requests=\(requests)", "--set", "topics.results=\(results)", "--set",
            "application-id=cli-\(unique)",
        ]
    }
}

extension RunningBinary {
    /// The port in the log, once there is one.
    func gatewayPort() async throws -> UInt16 {
        var found: UInt16?
        try await wait(within: .seconds(60), for: "for the gateway's port") {
            for line in stderr.split(separator: "\n") where line.contains("gateway listening") {
                guard let entry = try? JSONCursor(JSONValue(parsing: Array(line.utf8)), path: "log") else { continue }
                found = UInt16(try entry.member("metadata").member("port").string())
            }
            try #require(found != nil || isRunning, "\(stderr)")
            return found != nil
        }
        return try #require(found)
    }
}

extension HealthProbe {
    static func ask(_ port: UInt16, _ health: String) throws -> Answer {
        let target = try #require(Target(url: "http://127.0.0.1:\(port)/v2/health/\(health)"))
        return try ask(target, timeout: .seconds(5))
    }
}
