import FoundationEssentials
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import ServiceLifecycle
import Serving
import Synchronization
import TensorEngine

/// The service behind `serve` and `demo`: loads the models, connects, and runs the pipeline until it is told to stop.
///
/// This is where the parts are put together; each of them knows only those below it.
final class InferenceService: Service, ReadinessSource {
    private struct State {
        var pipeline: InferencePipeline?
        var broker: (check: ReadinessCheck, at: ContinuousClock.Instant)?
    }

    private static let brokerCheckLifetime = Duration.seconds(2)
    private static let connectionRetryDelay = Duration.seconds(2)
    /// Also how long a stop may have to wait for brokers that do not answer.
    private static let adminTimeout = Duration.seconds(5)

    private let configuration: MillraceConfiguration
    private let logger: Logger
    private let admin: KafkaAdmin
    /// Asks whether brokers answer, within a health check's patience.
    private let probe: KafkaAdmin
    private let pool: ComputePool
    private let registry: Registry
    private let models: ModelFollower
    private let state = Mutex(State())

    /// - Parameter source: where the instance learns which versions there are.
    init(_ configuration: MillraceConfiguration, following source: ModelFollower.Source = .topic, logger: Logger) throws
    {
        self.configuration = configuration
        self.logger = logger
        registry = Registry(
            store: try configuration.artifactStore(logger: logger), memoryBudget: configuration.models.memoryBudget,
            logger: logger)
        registry.permitShadows(to: Set(configuration.models.shadowTopics))
        pool = ComputePool(threadCount: configuration.pipeline.threads)
        admin = try KafkaAdmin(
            try configuration.kafkaConfiguration(role: "admin"), timeout: Self.adminTimeout, logger: logger)
        probe = try KafkaAdmin(
            try configuration.kafkaConfiguration(role: "probe"), timeout: .milliseconds(1500), logger: logger)
        models = try ModelFollower(configuration, source: source, registry: registry, admin: admin, logger: logger)
    }

    /// What the pipeline has done so far; nil before it started.
    var statistics: PipelineStatistics.Snapshot? { state.withLock { $0.pipeline }?.statistics.snapshot }

    func run() async throws {
        let result: Result<Void, any Error>
        do {
            try await serve()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await admin.close(deadline: .seconds(2))
        await probe.close(deadline: .seconds(2))
        pool.shutdown()
        try result.get()
    }

    private func serve() async throws {
        let loader = ModelLoader(registry, warmUpRows: configuration.batching.maximumRows)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                await loader.run()
                return false
            }
            tasks.addTask {
                try await self.models.run()
                return false
            }
            tasks.addTask {
                try await self.answer()
                return true
            }
            // Of the three only answering ends by itself.
            while let isOver = try await tasks.next(), !isOver {}
            tasks.cancelAll()
        }
    }

    private func answer() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.models.waitUntilSettled() }
        } catch is CancellationError {
            return
        }
        guard let resultsPartitions = try await waitForTopics() else { return }
        let limits = await TopicLimits.read(configuration.topics, with: probe, logger: logger)
        let output = try await ResultOutput.open(configuration, limits, logger: logger)
        let result: Result<Void, any Error>
        do {
            result = .success(try await runPipeline(to: output, limits, resultsPartitions: resultsPartitions))
        } catch {
            result = .failure(error)
        }
        await models.leave()
        // After the pipeline: its last commit needs the results acknowledged.
        await output.close(deadline: .seconds(5))
        try result.get()
    }

    private func runPipeline(to output: ResultOutput, _ limits: TopicLimits, resultsPartitions: Int) async throws {
        let signal = WakeSignal()
        let consumer = try KafkaConsumer(
            try configuration.consumerConfiguration(), logger: logger, wake: { signal.signal() })
        let codec = RequestCodec(limits: configuration.requestLimits)
        var routing = AnswerRouting(
            resultsTopic: configuration.topics.results, resultsPartitionCount: resultsPartitions,
            deadLetterSuffix: configuration.topics.deadLetterSuffix, applicationID: configuration.applicationID,
            maximumResultBytes: configuration.limits.maximumResultBytes)
        routing.maximumRecordBytes = limits.recordBytes
        let journal = try openJournal()
        var pipelineConfiguration = configuration.pipelineConfiguration
        if configuration.delivery == .exactlyOnce {
            let abandoned = abandonedTransactions(consumer)
            pipelineConfiguration.didAssign = { await abandoned.release($0) }
        }
        let pipeline = InferencePipeline(
            pipelineConfiguration, consumer: consumer, signal: signal,
            sink: output.sink(with: consumer, logger: logger), registry: registry, pool: pool, codec: codec,
            encoder: AnswerEncoder(codec: codec, routing: routing), journal: journal, logger: logger)
        state.withLock { $0.pipeline = pipeline }
        try await pipeline.run()
    }

    private func abandonedTransactions(_ consumer: KafkaConsumer) -> AbandonedTransactions {
        AbandonedTransactions(
            group: configuration.applicationID, instanceID: configuration.instanceID, consumer: consumer, admin: admin,
            logger: logger
        ) { [configuration, logger] transactionalID in
            var successor = try configuration.transactionalProducerConfiguration()
            successor.transactionalID = transactionalID
            try await TransactionalProducer(successor, logger: logger).releaseAbandoned()
        }
    }

    private func openJournal() throws -> CrashJournal {
        let directory = configuration.recovery.directory
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(.usage, "recovery.directory: \(directory) cannot be made: \(error)")
        }
        return try CrashJournal(
            path: "\(directory)/\(configuration.applicationID)-\(configuration.instanceID).journal",
            topics: configuration.topics.requests, slotCount: configuration.pipeline.threads,
            slotCapacity: max(configuration.batching.maximumRows, InferencePipeline.largestJob))
    }

    // MARK: Topics

    /// Waits for the brokers, then for the topics or makes them.
    /// - Returns: the number of partitions of the results topic; nil when the service is stopped meanwhile.
    private func waitForTopics() async throws -> Int? {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do {
                return try await prepareTopics()
            } catch let error as KafkaError where !error.isFatal {
                logger.warning("brokers not ready; trying again", metadata: ["error": "\(error)"])
            }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.connectionRetryDelay) }
        }
        return nil
    }

    private func prepareTopics() async throws -> Int {
        let topics = configuration.topics
        let needed = topics.requests + [topics.results] + topics.requests.map { $0 + topics.deadLetterSuffix }
        var metadata = try await admin.metadata()
        let missing = needed.filter { metadata.topics[$0] == nil }
        if !missing.isEmpty {
            guard topics.create else {
                throw CommandFailure(
                    .notFound,
                    "topics missing on \(configuration.bootstrapServers): \(missing.joined(separator: ", ")); "
                        + "create them, or set topics.create: true")
            }
            _ = try await admin.createTopics(
                missing.map {
                    NewTopic(name: $0, partitions: topics.partitions, replicationFactor: topics.replicationFactor)
                })
            logger.info("topics created", metadata: ["topics": "\(missing.joined(separator: ", "))"])
            metadata = try await admin.metadata()
        }
        return metadata.topics[topics.results]?.partitions.count ?? topics.partitions
    }

    // MARK: Readiness

    func readiness() async -> [ReadinessCheck] {
        let status = state.withLock { $0.pipeline }?.status
        let assignment = status?.assignment.map(\.description).joined(separator: ", ") ?? ""
        return [
            models.readiness,
            ReadinessCheck(
                name: "partitions", isReady: status?.isAssigned == true && status?.isStopping == false,
                detail: status?.isAssigned == true
                    ? "assigned: \(assignment.isEmpty ? "none" : assignment)" : "not assigned"),
            await brokerCheck(),
        ]
    }

    /// Asks the brokers, but not again for every caller.
    private func brokerCheck() async -> ReadinessCheck {
        if let known = state.withLock({ $0.broker }), .now - known.at < Self.brokerCheckLifetime { return known.check }
        let check: ReadinessCheck
        do {
            let metadata = try await probe.metadata()
            check = ReadinessCheck(name: "broker", isReady: true, detail: "\(metadata.brokers.count) reachable")
        } catch {
            check = ReadinessCheck(name: "broker", isReady: false, detail: "\(error)")
        }
        state.withLock { $0.broker = (check, .now) }
        return check
    }
}
