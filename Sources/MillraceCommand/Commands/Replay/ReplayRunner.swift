import KafkaClient
import ModelRegistry
import Serving
import TensorEngine
import UnixSignals

/// Answers requests again, with a progress bar, and ends cleanly at a signal.
struct ReplayRunner {
    private static let tick = Duration.milliseconds(100)

    let scope: ReplayScope
    let tool: ClusterTool
    /// The replay's own.
    let group: String
    /// Where bundles are; nil is models.store.
    var store: String?
    /// Of the progress bar; nil says what is done to the recorded results.
    var label: String?
    var isVerifying = false
    var differenceLimit = 1

    private var title: String { label ?? (isVerifying ? "verifying" : "replaying") }

    private var configuration: MillraceConfiguration {
        var configuration = tool.configuration
        if let store { configuration.models.store = store }
        return configuration
    }

    /// - Throws: ``ReplayError`` when it cannot go on.
    func run(
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
            model: scope.model, isVerifying: isVerifying)
        let replay = Replay(
            plan, to: destination, configuration: pipeline,
            access: access(registry, pool), registry: registry, pool: pool, codec: codec, encoder: encoder,
            group: group,
            differenceLimit: differenceLimit, logger: tool.logger)
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
                var progress = ProgressBar(title, total: total)
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
        report.isVerifying = isVerifying
        report.isInterrupted = wasSignalled && !isComplete
        if !isComplete, !wasSignalled, report.findings.differences.isEmpty {
            throw ReplayError.incomplete("at \(report.positionText); give the same command again to go on")
        }
        return report
    }
}
