package import KafkaClient
package import Logging
package import ModelRegistry
import ServiceLifecycle
import TensorEngine

/// Trains models by requests from a topic, beside inference and on threads of its own.
///
/// The instance that owns a request's partition coordinates its job: it resolves and reads the rows, writes the fits that
/// judge as tasks, which any instance takes, makes the last fit itself and ends the job in one transaction with the
/// request's offset. Everything that it needs to go on after a restart is in topics and checkpoints.
package final class TrainingPipeline: Service {
    private let settings: TrainingSettings
    private let context: TrainingContext
    private let pool: ComputePool
    private let requests: CommandLoop
    private let tasks: CommandLoop
    private let metrics: TrainingMetrics
    private let logger: Logger

    /// - Parameters:
    ///   - store: where bundles go.
    ///   - registry: reads and writes what versions there are.
    /// - Throws: ``KafkaConfigurationError``; when the checkpoint folder cannot be made.
    package init(
        _ settings: TrainingSettings, store: any ArtifactStore, registry: (log: RegistryLog, writer: RegistryWriter),
        admin: KafkaAdmin, metrics: TrainingMetrics = TrainingMetrics(), logger: Logger
    ) throws {
        self.settings = settings
        self.metrics = metrics
        self.logger = logger
        let pool = ComputePool(threadCount: settings.threads, niceness: settings.niceness)
        self.pool = pool
        let checkpoints = try CheckpointFolder(settings.checkpointFolder)
        var output = ProducerConfiguration(kafka: settings.kafka)
        output.maximumRecordBytes = max(settings.maximumRequestBytes, settings.maximumEventBytes) + (1 << 20)
        let context = TrainingContext(
            settings: settings, data: try TrainingData(settings, admin: admin, pool: pool, logger: logger),
            fits: FitRunner(
                pool: pool, checkpoints: checkpoints, store: store, limits: settings.limits, metrics: metrics),
            metrics: metrics,
            log: registry.log, writer: registry.writer, store: store, admin: admin,
            producer: try KafkaProducer(output, logger: logger), logger: logger)
        self.context = context
        requests = try CommandLoop(
            topic: settings.requestTopic, group: settings.requestGroup, settings: settings,
            maximumBytes: settings.maximumRequestBytes, logger: logger,
            report: { running, waiting in
                metrics.jobs(running: running)
                metrics.waiting(requests: waiting)
            },
            // Whoever had the partitions before may have died.
            didAssign: { await context.releaseAbandoned() }
        ) { loop, command, control in
            await JobRunner(
                command: command, control: control, context: context, membership: loop.membership,
                consumer: loop.consumer
            ).run()
        }
        // As many fits as there are threads: whatever waits for one would only hold its rows.
        let gate = AsyncGate(settings.threads)
        tasks = try CommandLoop(
            topic: settings.taskTopic, group: settings.taskGroup, settings: settings,
            maximumBytes: settings.maximumTaskBytes, logger: logger,
            report: { _, waiting in metrics.waiting(tasks: waiting + gate.waitingCount) }
        ) { loop, command, control in
            let worker = TaskWorker(command: command, control: control, context: context, consumer: loop.consumer)
            let outcome = await gate.pass { await worker.run(isAlone: settings.threads == 1) }
            guard outcome == .suspect else { return outcome == .over }
            // Its process has died before: it begins again with no other beside it that would be blamed too.
            return await gate.pass(isAlone: true) { await worker.run(isAlone: true) } == .over
        }
    }

    /// Whether the group of the requests has answered.
    package var isAssigned: Bool { requests.isAssigned && tasks.isAssigned }

    /// Jobs that this instance coordinates, and fits that it makes, at the moment.
    package var running: (jobs: Int, fits: Int) { metrics.running }

    /// Runs until the graceful shutdown of its service group: jobs that run are left to whoever is next, at their last
    /// checkpoints.
    /// - Throws: a fatal ``KafkaError``.
    package func run() async throws {
        logger.info("training", metadata: ["topic": "\(settings.requestTopic)", "threads": "\(pool.threadCount)"])
        // Before the group answers, which takes long after a death: serving, too, reads the registry to its end.
        await context.releaseAbandoned()
        let result: Result<Void, any Error>
        do {
            try await withGracefulShutdownHandler {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.requests.run() }
                    group.addTask { try await self.tasks.run() }
                    // Whichever ends first takes the other along.
                    do {
                        try await group.next()
                        self.stop()
                        try await group.waitForAll()
                    } catch {
                        self.stop()
                        throw error
                    }
                }
            } onGracefulShutdown: {
                self.stop()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await context.producer.close(deadline: .seconds(5))
        pool.shutdown()
        try result.get()
    }

    package func stop() {
        requests.stop()
        tasks.stop()
    }
}
