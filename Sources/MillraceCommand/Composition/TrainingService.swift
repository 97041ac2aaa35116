import KafkaClient
import Logging
import ModelRegistry
import ServiceLifecycle
import Serving
import Synchronization
import Training

/// Training beside inference: waits for the brokers, makes the topics if it may, and runs the pipeline until it is told to
/// stop.
final class TrainingService: Service, ReadinessSource {
    private enum Phase {
        case waiting, running(TrainingPipeline), over
    }

    private static let retryDelay = Duration.seconds(2)
    private static let adminTimeout = Duration.seconds(5)

    private let configuration: MillraceConfiguration
    private let logger: Logger
    private let admin: KafkaAdmin
    private let phase = Mutex(Phase.waiting)

    /// - Throws: ``CommandFailure`` when the registry is no topic: a job ends in one transaction with its version.
    init(_ configuration: MillraceConfiguration, logger: Logger) throws {
        guard configuration.models.registry == .topic else {
            throw CommandFailure(
                .usage,
                "training.enabled: true needs models.registry: topic, found \(configuration.models.registry.rawValue)")
        }
        self.configuration = configuration
        self.logger = logger
        admin = try KafkaAdmin(
            try configuration.kafkaConfiguration(role: "training-admin"), timeout: Self.adminTimeout, logger: logger)
    }

    func run() async throws {
        let result: Result<Void, any Error>
        do {
            result = .success(try await train())
        } catch {
            result = .failure(error)
        }
        phase.withLock { $0 = .over }
        await admin.close(deadline: .seconds(2))
        try result.get()
    }

    // MARK: Readiness

    /// Ready once the groups have answered, whatever jobs run then.
    func readiness() async -> [ReadinessCheck] {
        let (isReady, detail): (Bool, String) =
            switch phase.withLock({ $0 }) {
            case .waiting: (false, "waits for brokers and topics")
            case .running(let pipeline) where !pipeline.isAssigned: (false, "not assigned")
            case .running(let pipeline):
                (true, "\(pipeline.running.jobs) jobs, \(pipeline.running.fits) fits running")
            case .over: (false, "stopped")
            }
        return [ReadinessCheck(name: "training", isReady: isReady, detail: detail)]
    }

    private func train() async throws {
        guard try await waitForTopics() else { return }
        let pipeline = try TrainingPipeline(
            try configuration.trainingSettings(), store: try configuration.artifactStore(logger: logger),
            registry: try configuration.registry(logger: logger), admin: admin, logger: logger)
        phase.withLock { $0 = .running(pipeline) }
        try await pipeline.run()
    }

    /// - Returns: false when the service is stopped meanwhile.
    private func waitForTopics() async throws -> Bool {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do {
                try await prepareTopics()
                return true
            } catch let error as KafkaError where !error.isFatal {
                logger.warning("brokers not ready for training; trying again", metadata: ["error": "\(error)"])
            }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.retryDelay) }
        }
        return false
    }

    private func prepareTopics() async throws {
        let training = configuration.training
        let needed = [training.requests, training.events, training.tasks] + (training.lineageTopic.map { [$0] } ?? [])
        let known = try await admin.metadata().topics
        let missing = needed.filter { known[$0] == nil }
        guard !missing.isEmpty else { return }
        guard configuration.topics.create else {
            throw CommandFailure(
                .notFound,
                "topics missing on \(configuration.bootstrapServers): \(missing.joined(separator: ", ")); create them, or "
                    + "set topics.create: true")
        }
        _ = try await admin.createTopics(
            missing.map {
                NewTopic(
                    name: $0, partitions: configuration.topics.partitions,
                    replicationFactor: configuration.topics.replicationFactor)
            })
        logger.info("topics created", metadata: ["topics": "\(missing.joined(separator: ", "))"])
    }
}

/// The checks of several parts of one process.
struct ReadinessSources: ReadinessSource {
    let sources: [any ReadinessSource]

    func readiness() async -> [ReadinessCheck] {
        var checks: [ReadinessCheck] = []
        for source in sources { checks += await source.readiness() }
        return checks
    }
}

extension MillraceConfiguration {
    func trainingSettings() throws -> TrainingSettings {
        var settings = TrainingSettings(
            kafka: try kafkaConfiguration(role: "training"), applicationID: applicationID, instanceID: instanceID,
            checkpointFolder: training.checkpoints)
        settings.requestTopic = training.requests
        settings.eventTopic = training.events
        settings.taskTopic = training.tasks
        settings.lineageTopic = training.lineageTopic
        settings.requestGroup = applicationID + training.groupSuffix
        settings.taskGroup = settings.requestGroup + "-tasks"
        settings.threads = training.threads
        settings.niceness = training.niceness
        settings.dataFolder = training.dataFolder
        settings.deadlineLimit = training.deadlineLimit
        settings.attempts = training.attempts
        settings.maximumWaiting = training.maximumWaiting
        settings.maximumRequestBytes = training.maximumRequestBytes
        settings.maximumEventBytes = min(limits.maximumResultBytes, settings.maximumEventBytes)
        settings.limits.data.maximumRows = training.maximumRows
        settings.limits.data.maximumMemoryBytes = training.maximumMemory
        settings.limits.data.maximumFileBytes = training.maximumDisk
        settings.limits.maximumEpochs = training.maximumEpochs
        settings.limits.maximumFits = training.maximumFits
        settings.sessionTimeout = kafka.sessionTimeout
        settings.releaseGrace = kafka.sessionTimeout + .seconds(5)
        settings.shutdownDeadline = shutdownDeadline
        settings.build = "millrace \(Millrace.version)"
        return settings
    }
}
