import FoundationEssentials
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry

/// The registry as a command sees it: the topic, or without brokers what the store holds.
struct RegistrySession {
    let storePath: String
    private let configuration: MillraceConfiguration
    private let topic: (log: RegistryLog, writer: RegistryWriter)?
    private let logger: Logger

    init(_ configuration: MillraceConfiguration, store: String, isOffline: Bool, logger: Logger) throws {
        storePath = store
        var placed = configuration
        placed.models.store = store
        if isOffline { placed.models.artifacts = .directory }
        self.configuration = placed
        self.logger = logger
        topic = isOffline ? nil : try configuration.registry(logger: logger)
    }

    var isOffline: Bool { topic == nil }

    /// Where bundles go. Made here: looking at versions makes no store.
    func artifacts() throws -> any ArtifactStore { try configuration.artifactStore(logger: logger) }

    /// The topic's reader and writer.
    /// - Throws: ``CommandFailure`` without brokers: aliases and rules have no other place.
    func online() throws -> (log: RegistryLog, writer: RegistryWriter) {
        guard let topic else {
            throw CommandFailure(
                .usage,
                "this changes or reads the registry topic: name the brokers with --bootstrap-servers or "
                    + "kafka.bootstrap-servers")
        }
        return topic
    }

    /// What there is. A topic that does not exist yet is as good as the store, which is what it will begin with.
    /// - Throws: ``RegistryLogError`` for a topic that cannot be read in full.
    func state() async throws -> RegistryState {
        guard let topic else { return try storeState() }
        do {
            let update = try await topic.log.read()
            if let failure = update.failure { throw failure }
            return update.state
        } catch RegistryLogError.missingTopic {
            return try storeState()
        }
    }

    /// Makes a change and says what came of it.
    func write<Outcome: Sendable>(
        as operatorName: String, _ decide: (RegistryState) throws -> RegistryDecision<Outcome>
    ) async throws -> Outcome {
        try await online().writer.write(as: operatorName, decide)
    }

    /// Brings versions that were imported without brokers into the registry: first their bundles to where all instances
    /// look for them, then the events.
    ///
    /// - Returns: those that the registry knows with other contents; they stay where they are.
    func adopt(as operatorName: String) async throws -> [RegistryState.AdoptionConflict] {
        guard let topic else { return [] }
        let records = try StoreVersions.records(in: storePath)
        guard !records.isEmpty else { return [] }
        var state = RegistryState()
        do {
            let update = try await topic.log.read()
            if let failure = update.failure { throw failure }
            state = update.state
        } catch RegistryLogError.missingTopic {}
        let seen = state.adoption(of: records)
        guard !seen.changes.isEmpty else { return seen.outcome.conflicts }
        if configuration.models.artifacts != .directory {
            let adopted = Set(seen.outcome.adopted)
            let artifacts = try artifacts()
            for record in records where adopted.contains(record.identity) {
                _ = try await artifacts.put(try bundle(record.digest))
            }
        }
        return try await topic.writer.write(as: operatorName) { $0.adoption(of: records) }.conflicts
    }

    func bundle(_ digest: String) throws -> ModelBundle {
        try DirectoryArtifactStore(root: storePath).bundle(digest: digest)
    }

    /// Nil when this host's store does not have it.
    func manifest(_ digest: String) throws -> Manifest? {
        guard FileManager.default.fileExists(atPath: storePath) else { return nil }
        do {
            return try bundle(digest).manifest
        } catch RegistryError.missingEntry {
            return nil
        }
    }

    /// The index of the store as a registry whose events have no offsets.
    private func storeState() throws -> RegistryState {
        var state = RegistryState()
        for record in try StoreVersions.records(in: storePath) {
            state.apply(RegistryEvent(.versionCreated(record), time: 0, operatorName: ""), offset: -1)
        }
        return state
    }
}

/// What a store's own index holds: the versions imported without brokers.
enum StoreVersions {
    /// Looking does not make a store that is not there.
    static func records(in path: String) throws -> [VersionRecord] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let store = try DirectoryArtifactStore(root: path)
        return try VersionIndex(root: path).versions().map { version in
            let manifest = try store.bundle(digest: version.digest).manifest
            return VersionRecord(version.identity, digest: version.digest, manifest: manifest)
        }
    }
}

extension VersionRecord {
    init(_ identity: ModelVersion.Identity, digest: String, manifest: Manifest) {
        self.init(
            identity: identity, digest: digest, weightsSHA256: manifest.weightsSHA256,
            graphSHA256: manifest.graphSHA256, framework: manifest.source?.framework)
    }
}

extension MillraceConfiguration {
    /// The registry topic's reader and writer.
    func registry(logger: Logger) throws -> (log: RegistryLog, writer: RegistryWriter) {
        let kafka = try kafkaConfiguration(role: "registry")
        var topic = RegistryTopic(name: topics.models, replicationFactor: topics.replicationFactor)
        topic.isConfigurationChecked = models.isTopicChecked
        return (
            RegistryLog(topic: topic.name, kafka: kafka, logger: logger),
            RegistryWriter(.init(kafka: kafka, topic: topic, source: "/millrace/\(applicationID)"), logger: logger)
        )
    }
}

extension RegistryState.AdoptionConflict {
    /// What is the matter, and what to do.
    var explanation: String {
        "\(identity) of the store's own index was not brought into the registry, which has other contents under this number: "
            + "\(registryDigest), in the store \(storeDigest); import its file again for a number of its own"
    }
}
