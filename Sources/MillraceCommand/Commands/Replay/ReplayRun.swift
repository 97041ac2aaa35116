import ArgumentParser
import KafkaClient
import ModelRegistry
import Serving
import TensorEngine
import UnixSignals

/// Puts a replay together and runs it.
struct ReplayRun {
    private static let tick = Duration.milliseconds(100)

    private let command: ReplayCommand
    private let scope: ReplayScope
    private let tool: ClusterTool

    init(_ command: ReplayCommand, _ scope: ReplayScope, _ tool: ClusterTool) {
        self.command = command
        self.scope = scope
        self.tool = tool
    }

    private var configuration: MillraceConfiguration { tool.configuration }
    private var group: String {
        "\(configuration.applicationID)-replay-\(command.name ?? command.outputTopic ?? "verify")"
    }

    func run() async throws -> ReplayReport {
        guard let output = command.outputTopic else {
            let comparison = ResultComparison(ignoringHeaders: Set(command.ignoredHeaders))
            return try await replay(scope.segments, to: .comparison(comparison), resultsTopic: scope.resultsTopic)
        }
        if command.restart, !command.execute { return try await restartStatement(output) }
        var producer = try configuration.producerConfiguration()
        producer.kafka = try configuration.kafkaConfiguration(role: "replay-producer")
        let transactional = try TransactionalProducer(
            TransactionalProducerConfiguration(producer: producer, transactionalID: group), logger: tool.logger)
        let consumer = try KafkaConsumer(try tool.consumerConfiguration(group: group), logger: tool.logger)
        let result: Result<ReplayReport, any Error>
        do {
            // Fences another run of this replay, and settles what it left open, before its progress is read.
            try await transactional.initTransactions()
            if command.restart { try await restart() }
            let segments = try await remaining(consumer)
            let sink = ExactlyOnceSink(producer: transactional, consumer: consumer)
            await AdminAction.record(
                "replay", target: scope.topic, details: ["output": output, "group": group],
                in: RegistryJournal(configuration))
            result = .success(try await replay(segments, to: .topic(sink), resultsTopic: output))
        } catch {
            result = .failure(error)
        }
        await transactional.close(deadline: .seconds(5))
        await consumer.close(deadline: .seconds(2))
        return try result.get()
    }

    // MARK: Progress of earlier runs

    private func remaining(_ consumer: KafkaConsumer) async throws -> [ReplayPlan.Segment] {
        let committed = try await consumer.committed(scope.segments.map(\.partition))
        return scope.segments.map { segment in
            let done = (committed[segment.partition] ?? nil) ?? segment.range.lowerBound
            let start = min(max(segment.range.lowerBound, done), segment.range.upperBound)
            return ReplayPlan.Segment(segment.partition, start..<segment.range.upperBound)
        }
    }

    private func restart() async throws {
        let positions = scope.segments.map { ($0.partition, $0.range.lowerBound) }
        try await tool.admin.setCommittedOffsets(
            ofGroup: group, Dictionary(uniqueKeysWithValues: positions))
    }

    private func restartStatement(_ output: String) async throws -> ReplayReport {
        let committed = try await tool.admin.committedOffsets(
            ofGroup: group, partitions: scope.segments.map(\.partition))
        let progress = scope.segments.map { segment in
            let done = (committed[segment.partition] ?? nil).map { "\($0)" } ?? "not begun"
            return "  \(segment.partition): at \(done), would begin at \(segment.range.lowerBound)"
        }
        var report = ReplayReport(scope.segments)
        report.statement =
            "The group \(group) would forget its progress:\n" + progress.joined(separator: "\n")
            + "\nResults that are in \(output) already stay there: they would be there twice. Do so with --execute."
        return report
    }

    // MARK: The replay itself

    private func replay(
        _ segments: [ReplayPlan.Segment], to destination: Replay.Destination, resultsTopic: String
    ) async throws -> ReplayReport {
        let session = try RegistrySession(
            configuration, store: configuration.models.store, isOffline: configuration.models.registry == .store,
            logger: tool.logger)
        let registry = Registry(store: try configuration.artifactStore(logger: tool.logger), logger: tool.logger)
        registry.catalog = try await session.state().catalog
        if let model = scope.model { _ = try registry.catalog.version(for: model) }
        let pool = ComputePool(threadCount: configuration.pipeline.threads)
        defer { pool.shutdown() }
        let codec = RequestCodec(limits: configuration.requestLimits)
        let encoder = AnswerEncoder(
            codec: codec,
            routing: AnswerRouting(
                resultsTopic: resultsTopic, resultsPartitionCount: scope.outputPartitionCount,
                deadLetterSuffix: configuration.topics.deadLetterSuffix, applicationID: configuration.applicationID,
                maximumResultBytes: configuration.limits.maximumResultBytes))
        var pipeline = configuration.pipelineConfiguration
        pipeline.shutdownDeadline = .seconds(10)
        let plan = ReplayPlan(
            segments: segments, resultsTopic: scope.resultsTopic, resultsPartitionCount: scope.resultsPartitionCount,
            model: scope.model, isVerifying: command.verify)
        let replay = Replay(
            plan, to: destination, configuration: pipeline,
            access: access(registry, pool), registry: registry, pool: pool, codec: codec, encoder: encoder,
            group: group,
            differenceLimit: command.differences, logger: tool.logger)
        return try await watched(replay, segments)
    }

    private func access(_ registry: Registry, _ pool: ComputePool) -> ReplayAccess {
        let (tool, rows) = (tool, configuration.batching.maximumRows)
        let preload = configuration.models.preload
        let load: @Sendable (ModelReference) async throws -> Void = { reference in
            let version = try registry.catalog.version(for: reference)
            guard !registry.loaded.contains(version.identity) else { return }
            try await registry.load(version, warmUpRows: rows, on: pool)
        }
        return ReplayAccess(
            admin: tool.admin, makeReader: { try tool.makeReader() }, load: load,
            loadAll: {
                switch preload {
                case .all:
                    for version in registry.catalog.all {
                        try await load(
                            ModelReference(name: version.identity.name, version: .number(version.identity.number)))
                    }
                case .only(let references): for reference in references { try await load(reference) }
                }
            })
    }

    /// Runs it with a progress bar, and ends it cleanly at a signal.
    private func watched(_ replay: Replay, _ segments: [ReplayPlan.Segment]) async throws -> ReplayReport {
        let started = ContinuousClock.now
        let total = segments.reduce(0) { $0 + $1.range.count }
        let (isComplete, wasSignalled) = try await withThrowingTaskGroup(of: Bool.self) { tasks in
            let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
            let watch = Task { () -> Bool in
                for await _ in signals {
                    replay.stop()
                    return true
                }
                return false
            }
            let bar = Task {
                var progress = ProgressBar(command.verify ? "verifying" : "replaying", total: total)
                while !Task.isCancelled {
                    progress.update(replay.done)
                    try? await Task.sleep(for: Self.tick)
                }
                progress.update(replay.done)
                progress.finish()
            }
            defer { watch.cancel() }
            tasks.addTask { try await replay.run() }
            do {
                let isComplete = try await tasks.next() ?? false
                bar.cancel()
                await bar.value
                watch.cancel()
                return (isComplete, await watch.value)
            } catch {
                bar.cancel()
                await bar.value
                throw error
            }
        }
        var report = ReplayReport(segments)
        report.findings = replay.findings
        report.done = replay.done
        report.positions = replay.positions
        report.duration = .now - started
        report.isVerifying = command.verify
        report.isInterrupted = wasSignalled && !isComplete
        if !isComplete, !wasSignalled, report.findings.differences.isEmpty {
            throw ReplayError.incomplete("at \(report.positionText); give the same command again to go on")
        }
        return report
    }
}
