import Logging
import ModelRegistry
import Synchronization

/// Tells the registry topic which versions this instance has loaded, could not load, and has unloaded.
///
/// Reports are no part of serving: they are written when the brokers permit, several at once, and what is written is the
/// state of that moment.
final class LoadReporter: Sendable {
    private static let retryPause = Duration.seconds(5)
    /// How long a stop waits for its last report.
    private static let farewell = Duration.seconds(3)

    private let registry: Registry
    private let writer: RegistryWriter
    private let instance: String
    private let logger: Logger
    /// Versions about which something is to be said, and why they failed if they did.
    private let open = Mutex<[ModelVersion.Identity: String?]>([:])
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(_ registry: Registry, writer: RegistryWriter, instance: String, logger: Logger) {
        self.registry = registry
        self.writer = writer
        self.instance = instance
        self.logger = logger
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask {
                for await event in self.registry.events { self.take(event) }
            }
            for await _ in wakes { await report() }
            tasks.cancelAll()
        }
    }

    /// Says again what is true of versions about which the topic may say what was true of an earlier process.
    func correct(_ versions: some Sequence<ModelVersion.Identity>) {
        open.withLock { open in
            for version in versions where open[version] == nil { open[version] = .some(nil) }
        }
        wake.yield()
    }

    /// Says that nothing is loaded here any more.
    func leave() async {
        let loaded = registry.loaded
        guard !loaded.isEmpty else { return }
        let outcomes = Dictionary(uniqueKeysWithValues: loaded.map { ($0, RegistryWriter.LoadOutcome.unloaded) })
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        // Not waited for longer than that: brokers that are gone must not hold up a stop.
        Task {
            try? await writer.report(outcomes, instance: instance)
            end.finish()
        }
        let limit = Task {
            try? await Task.sleep(for: Self.farewell)
            end.finish()
        }
        for await _ in ends {}
        limit.cancel()
    }

    private func take(_ event: Registry.Event) {
        open.withLock { open in
            switch event {
            case .loaded(let version), .unloaded(let version): open[version] = .some(nil)
            case .failed(let version, let reason): open[version] = reason
            }
        }
        wake.yield()
    }

    private func report() async {
        let open = open.withLock { open in
            defer { open = [:] }
            return open
        }
        guard !open.isEmpty else { return }
        let loaded = Set(registry.loaded)
        var outcomes: [ModelVersion.Identity: RegistryWriter.LoadOutcome] = [:]
        for (version, failure) in open {
            // An old copy may go after the new one came.
            outcomes[version] = loaded.contains(version) ? .loaded : failure.map { .failed(reason: $0) } ?? .unloaded
        }
        do {
            try await writer.report(outcomes, instance: instance)
        } catch {
            logger.warning("loaded versions not reported; trying again", metadata: ["error": "\(error)"])
            self.open.withLock { $0.merge(open) { newer, _ in newer } }
            try? await Task.sleep(for: Self.retryPause)
            wake.yield()
        }
    }
}
