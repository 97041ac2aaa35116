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
        // Nothing else computes while it trains, and somebody is waiting.
        configuration.training.threads = configuration.pipeline.threads
        configuration.training.niceness = 0
        self.configuration = configuration
        let topics = configuration.topics
        try create(topics.requests + topics.requests.map { $0 + topics.deadLetterSuffix } + [topics.results])
    }

    /// Where the cluster is, for people.
    var place: String { "broker: \(cluster.bootstrapServers) (in this process)" }

    func create(_ topics: [String], partitions: Int = partitions) throws {
        for topic in topics { try cluster.createTopic(topic, partitions: partitions) }
    }

    /// What came to its end.
    private enum Ending<Value: Sendable>: Sendable {
        case services(Result<Void, any Error>)
        case client(Result<Value, any Error>)
    }

    /// Runs the services while the client does its work, and stops them.
    /// - Throws: what the client throws, or the services; ``CommandFailure`` when the services end before the client, as by
    ///   SIGINT.
    func run<Value: Sendable>(
        _ services: [any Service], _ client: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        return try await withTaskGroup(of: Ending<Value>.self) { tasks -> Result<Value, any Error> in
            tasks.addTask {
                do {
                    return .services(.success(try await group.run()))
                } catch {
                    return .services(.failure(error))
                }
            }
            tasks.addTask {
                do {
                    return .client(.success(try await client()))
                } catch {
                    return .client(.failure(error))
                }
            }
            switch await tasks.next() {
            case .client(let result)?:
                // Not cancelled: services that stop gracefully close what they have open.
                await group.triggerGracefulShutdown()
                guard case .services(.failure(let error))? = await tasks.next(), case .success = result else {
                    return result
                }
                return .failure(error)
            case .services(.failure(let error))?:
                tasks.cancelAll()
                return .failure(error)
            case .services(.success)?, nil:
                tasks.cancelAll()
                return .failure(
                    CommandFailure(.difference, "the service stopped before the demonstration was over"))
            }
        }.get()
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
