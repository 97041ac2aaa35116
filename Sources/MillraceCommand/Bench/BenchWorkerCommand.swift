import ArgumentParser
import FoundationEssentials
import JSONDocuments
import Logging
import ServiceLifecycle
import Serving
import UnixSignals

/// The process that a benchmark measures: runs the service, or the copy, until it has published so many requests.
struct BenchWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

    /// How often the progress is read: short beside a transaction.
    private static let tick = Duration.milliseconds(2)

    @Option var stage: BenchStage
    @Option var requests: Int
    /// Seconds.
    @Option var timeout: Int
    /// When the process was started, by ``ProcessUsage/now()``.
    @Option var started: Double
    @Option var report: String
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let configuration = try options.load().configuration
        LogBootstrap.start(configuration.logging)
        let logger = Logger(label: "millrace.bench")
        let service: any MeasuredService =
            switch stage {
            case .pipeline: try InferenceService(configuration, following: .store, logger: logger)
            case .echo: EchoService(configuration, logger: logger)
            }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        let found = try await withThrowingTaskGroup(of: Void.self) { tasks in
            let watching = Task { await watch(service) }
            tasks.addTask {
                defer { watching.cancel() }
                try await group.run()
            }
            tasks.addTask {
                _ = await watching.value
                await group.triggerGracefulShutdown()
            }
            do {
                try await tasks.waitForAll()
            } catch {
                watching.cancel()
                throw error
            }
            return await watching.value
        }
        try Data(found.document.serialized(.compact)).write(to: URL(fileURLWithPath: report))
    }

    private func watch(_ service: any MeasuredService) async -> WorkerReport {
        var report = WorkerReport()
        let deadline = ContinuousClock.now + .seconds(timeout)
        while report.last.published < requests, .now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: Self.tick)
            guard let statistics = service.statistics, statistics.published > report.last.published else { continue }
            report.last = .init(
                seconds: ProcessUsage.now() - started, processorSeconds: ProcessUsage.processorSeconds(),
                published: statistics.published)
            if report.first.published == 0 { report.first = report.last }
            report.publications = statistics.publications
            report.redone = statistics.redone
            report.batchSizes = statistics.batchSizes
        }
        report.peakBytes = ProcessUsage.peakBytes()
        return report
    }
}
