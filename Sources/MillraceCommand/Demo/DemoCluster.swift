import FoundationEssentials
import KafkaClient
import Logging
import ServiceLifecycle
import Serving
import UnixSignals

/// What every demonstration has: a cluster in this process, the service's configuration for it, and the service running
/// beside a client.
struct DemoCluster: Sendable {
    static let partitions = 4
    private static let readyTimeout = Duration.seconds(60)

    let configuration: MillraceConfiguration
    let logger: Logger
    private let cluster: EmbeddedCluster

    /// Makes the topics of requests and results.
    /// - Parameter folder: a folder that the service may write to: store, journal and checkpoints.
    init(_ cluster: EmbeddedCluster, folder: String, logger: Logger) throws {
        self.cluster = cluster
        self.logger = logger
        var configuration = try LoadedConfiguration(layers: []).configuration
        configuration.applicationID = "millrace-demo"
        configuration.kafka.bootstrapServers = [cluster.bootstrapServers]
        configuration.models.store = folder + "/models"
        configuration.recovery.directory = folder + "/state"
        configuration.gateway.isEnabled = false
        // The cluster in this process keeps no transactional offsets.
        configuration.delivery = .atLeastOnce
        // Nor does it answer how a topic is configured.
        configuration.models.isTopicChecked = false
        configuration.training.checkpoints = folder + "/training"
        // Nothing else computes while it trains.
        configuration.training.threads = configuration.pipeline.threads
        self.configuration = configuration
        let topics = configuration.topics
        try create(topics.requests + topics.requests.map { $0 + topics.deadLetterSuffix } + [topics.results])
    }

    /// Where the cluster is, for people.
    var place: String { "broker: \(cluster.bootstrapServers) (in this process)" }

    func create(_ topics: [String], partitions: Int = partitions) throws {
        for topic in topics { try cluster.createTopic(topic, partitions: partitions) }
    }

    /// Runs the services while the client does its work.
    /// - Throws: what the client throws; ``CommandFailure`` when the services end before it, as by SIGINT.
    func run<Value: Sendable>(
        _ services: [any Service], _ client: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        return try await withThrowingTaskGroup(of: Value?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask { try await client() }
            do {
                guard let value = try await tasks.next() ?? nil else {
                    throw CommandFailure(.difference, "the service stopped before the demonstration was over")
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                return value
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
    }

    func waitUntilReady(_ service: InferenceService) async throws {
        let deadline = ContinuousClock.now + Self.readyTimeout
        while true {
            let checks = await service.readiness()
            if checks.allSatisfy(\.isReady) { return }
            guard .now < deadline else {
                let open = checks.filter { !$0.isReady }.map { "\($0.name): \($0.detail)" }.joined(separator: "; ")
                throw CommandFailure(.broker, "the service did not become ready: \(open)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Hands records to the brokers and waits until they have them.
    /// - Throws: ``KafkaError`` for the first that they do not take.
    static func produce(_ records: [ProducerRecord], with producer: KafkaProducer) async throws {
        for report in try await producer.produce(records) {
            if case .failed(let error) = report { throw error }
        }
    }
}
