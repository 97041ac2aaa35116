import KafkaClient
import Logging
import ModelRegistry
import ServiceLifecycle
import Serving
import Synchronization

/// Keeps what an instance serves in step with the registry topic, or, without one, with what the artifact store's own index
/// held at the start; and tells the topic what became of each version here.
///
/// ``run()`` runs beside the pipeline. A topic that cannot be read to its end at the start ends it: what such an instance
/// would serve is anybody's guess. One that becomes unreadable later does not: what is loaded serves on, and readiness says
/// why it is behind.
final class ModelFollower: Sendable {
    /// Where an instance learns which versions there are.
    enum Source: Sendable {
        case topic
        /// The store's own index, once: for clusters that keep nothing, and for measurements.
        case store
    }

    private enum Following: Sendable, Equatable {
        case waiting
        case topic
        case store
    }

    private struct State {
        var following = Following.waiting
        var detail = "waiting for brokers"
        /// Why what is served may be behind the topic.
        var failure: String?
        var isSettled = false
    }

    private static let retryPause = Duration.seconds(2)
    /// How long brokers that are there may not make the topic fit for use. Brokers that are not there are waited for.
    static let topicPatience = Duration.seconds(120)
    private static let failedLoadPause = Duration.seconds(30)
    private static let settlingTick = Duration.milliseconds(10)

    private let configuration: MillraceConfiguration
    private let patience: Duration
    private let source: Source
    private let registry: Registry
    private let admin: KafkaAdmin
    private let topic: RegistryTopic
    private let log: RegistryLog
    private let reporter: LoadReporter
    private let logger: Logger
    private let state = Mutex(State())

    init(
        _ configuration: MillraceConfiguration, source: Source, registry: Registry, admin: KafkaAdmin,
        patience: Duration = topicPatience, logger: Logger
    ) throws {
        self.configuration = configuration
        self.patience = patience
        self.source = configuration.models.registry == .store ? .store : source
        self.registry = registry
        self.admin = admin
        self.logger = logger
        let (log, writer) = try configuration.registry(logger: logger)
        self.log = log
        topic = writer.configuration.topic
        reporter = LoadReporter(registry, writer: writer, instance: configuration.instanceID, logger: logger)
    }

    var readiness: ReadinessCheck {
        let state = state.withLock { $0 }
        var parts = [state.detail]
        if state.isSettled {
            let loaded = registry.loaded.map(\.description).joined(separator: ", ")
            parts = [loaded.isEmpty ? "none loaded" : loaded]
            parts += registry.failures.sorted { $0.key < $1.key }.map { "\($0.key) failed: \($0.value)" }
        }
        let pending = registry.pending
        if !pending.isEmpty { parts.append("loading " + pending.map(\.description).joined(separator: ", ")) }
        if let failure = state.failure { parts.append("not following the registry: \(failure)") }
        return ReadinessCheck(
            name: "models", isReady: state.isSettled && state.failure == nil, detail: parts.joined(separator: "; "))
    }

    // MARK: Following

    /// Runs until it is cancelled.
    /// - Throws: why it cannot be known what to serve.
    func run() async throws {
        switch source {
        case .store: try followStore()
        case .topic:
            if let obstacle = try await prepareTopic() {
                logger.warning(
                    "registry topic not usable; serving what the store's own index holds",
                    metadata: ["topic": "\(topic.name)", "reason": "\(obstacle)"])
                try followStore()
            } else {
                try await adopt()
                return try await followTopic()
            }
        }
        try await waitUntilLoaded()
        // Nothing keeps the old version here, since there is none: an operator has to look.
        if let (version, reason) = registry.failures.min(by: { $0.key < $1.key }) {
            throw CommandFailure(.usage, "\(version) cannot be loaded: \(reason)")
        }
        state.withLock { $0.isSettled = true }
    }

    /// Waits until every version that was wanted at the start is loaded or has failed.
    /// - Throws: `CancellationError`.
    func waitUntilSettled() async throws {
        while !state.withLock({ $0.isSettled }) { try await Task.sleep(for: Self.settlingTick) }
    }

    /// Says of every version that it is not loaded here any more.
    func leave() async {
        guard state.withLock({ $0.following == .topic && $0.failure == nil }) else { return }
        await reporter.leave()
    }

    /// - Returns: why the topic cannot be had, if waiting does not help.
    /// - Throws: ``CommandFailure`` when the brokers answer, and for too long not what the topic needs.
    private func prepareTopic() async throws -> KafkaError? {
        var answeredSince: ContinuousClock.Instant?
        while true {
            try Task.checkCancellation()
            do {
                try await topic.prepare(with: admin, logger: logger)
                return nil
            } catch let error as KafkaError where error.isUnsupported || error.isAuthorizationFailure {
                return error
            } catch let error as KafkaError where !error.isFatal {
                state.withLock { $0.detail = "waiting for brokers: \(error)" }
                logger.warning(
                    "registry topic not ready; trying again", metadata: ["topic": "\(topic.name)", "error": "\(error)"])
                if (try? await admin.metadata()) == nil {
                    answeredSince = nil
                } else {
                    let since = answeredSince ?? .now
                    answeredSince = since
                    guard .now - since < patience else {
                        throw CommandFailure(
                            .broker,
                            "topics.models: \"\(topic.name)\" could not be made ready for \(patience): \(error); "
                                + "a cluster that answers no admin calls needs models.registry: store")
                    }
                }
            }
            try await Task.sleep(for: Self.retryPause)
        }
    }

    /// Versions that were imported without brokers become the registry's.
    private func adopt() async throws {
        let session = try RegistrySession(
            configuration, store: configuration.models.store, isOffline: false, logger: logger)
        do {
            for conflict in try await session.adopt(as: configuration.instanceID) {
                logger.warning("\(conflict.explanation)")
            }
        } catch let error as KafkaError {
            logger.warning(
                "versions of the store's own index not brought into the registry", metadata: ["error": "\(error)"])
        } catch let error as RegistryLogError {
            // Following the topic says so too, and whether it matters.
            logger.warning(
                "versions of the store's own index not brought into the registry", metadata: ["error": "\(error)"])
        }
    }

    private func followStore() throws {
        let catalog = VersionCatalog(try VersionIndex(root: configuration.models.store).versions())
        if case .only(let references) = configuration.models.preload {
            for reference in references { _ = try catalog.version(for: reference) }
        }
        if catalog.all.isEmpty {
            logger.warning("no models to serve", metadata: ["store": "\(configuration.models.store)"])
        }
        registry.follow(ServingPlan(catalog, preload: configuration.models.preload.plan))
        state.withLock { $0.following = .store }
    }

    private func followTopic() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await self.followUpdates() }
            tasks.addTask { await self.reporter.run() }
            tasks.addTask { try await self.settleAndRetry() }
            // Each runs until it is cancelled or fails.
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    private func followUpdates() async throws {
        do {
            try await log.follow { update in
                try self.take(update)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            guard state.withLock({ $0.following == .topic }) else { throw error }
            logger.error("registry topic not followed any more", metadata: ["error": "\(error)"])
            state.withLock { $0.failure = "\(error)" }
            // What is loaded serves on.
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
    }

    private func take(_ update: RegistryLog.Update) throws {
        let isFirst = state.withLock { $0.following != .topic }
        if let failure = update.failure, isFirst { throw failure }
        registry.follow(ServingPlan(update.state, preload: configuration.models.preload.plan))
        if isFirst {
            if update.state.models.isEmpty {
                logger.warning("no models to serve", metadata: ["registry": "\(topic.name)"])
            }
            reporter.correct(update.state.residences(of: configuration.instanceID).keys)
        }
        state.withLock { state in
            state.following = .topic
            state.failure = update.failure.map { "\($0)" }
        }
    }

    private func settleAndRetry() async throws {
        while state.withLock({ $0.following == .waiting }) { try await Task.sleep(for: Self.settlingTick) }
        try await waitUntilLoaded()
        state.withLock { $0.isSettled = true }
        while true {
            try await Task.sleep(for: Self.failedLoadPause)
            registry.retryFailures()
        }
    }

    private func waitUntilLoaded() async throws {
        while !registry.pending.isEmpty { try await Task.sleep(for: Self.settlingTick) }
    }
}

extension ModelPreload {
    var plan: ServingPlan.Preload {
        switch self {
        case .all: .all
        case .only(let references): .only(references)
        }
    }
}
