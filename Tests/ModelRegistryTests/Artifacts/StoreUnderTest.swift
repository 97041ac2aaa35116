import Foundation
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import Synchronization
import TensorEngine
import TestSupport
import Testing

/// The stores that the same tests run over.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case directory, kafka

    var testDescription: String { rawValue }
}

/// A store of its own, and a way to damage it.
final class StoreUnderTest: Sendable {
    let store: any ArtifactStore
    let kind: StoreKind
    let folder: TemporaryFolder
    /// Of the directory store, or of the Kafka store's cache.
    let root: String
    let topic: String
    let kafka: KafkaConfiguration?
    private let cluster: EmbeddedCluster?
    /// The other hosts' caches.
    private let others = Mutex<[TemporaryFolder]>([])

    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ kind: StoreKind) async throws {
        self.kind = kind
        folder = try TemporaryFolder()
        root = folder.path
        topic = "artifacts-\(UUID().uuidString.prefix(8))"
        switch kind {
        case .directory:
            (cluster, kafka) = (nil, nil)
            store = try DirectoryArtifactStore(root: folder.path)
        case .kafka:
            let external = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"].flatMap {
                $0.isEmpty ? nil : $0
            }
            cluster = external == nil ? try EmbeddedCluster() : nil
            try cluster?.createTopic(topic, partitions: 3)
            let kafka = try KafkaConfiguration(bootstrapServers: external ?? cluster?.bootstrapServers ?? "")
            self.kafka = kafka
            store = try KafkaArtifactStore(Self.configuration(kafka, topic, cache: folder.path), logger: Self.quiet)
        }
    }

    /// Small chunks, so that a bundle has many.
    static func configuration(
        _ kafka: KafkaConfiguration, _ topic: String, cache: String
    ) -> KafkaArtifactStore.Configuration {
        var configuration = KafkaArtifactStore.Configuration(kafka: kafka, topic: topic, cache: cache)
        configuration.chunkBytes = 10_000
        configuration.partitions = 3
        configuration.patience = .seconds(15)
        return configuration
    }

    /// The same store as another host sees it: with nothing cached.
    func elsewhere() throws -> (store: any ArtifactStore, folder: TemporaryFolder) {
        let folder = try TemporaryFolder()
        others.withLock { $0.append(folder) }
        guard let kafka else { return (try DirectoryArtifactStore(root: root), folder) }
        return (
            try KafkaArtifactStore(Self.configuration(kafka, topic, cache: folder.path), logger: Self.quiet), folder
        )
    }

    func produce(_ records: [ProducerRecord]) async throws {
        guard let kafka else { return }
        let producer = try KafkaProducer(ProducerConfiguration(kafka: kafka), logger: Self.quiet)
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close(deadline: .seconds(2))
    }

    /// A bundle of a small model; every `number` makes another digest.
    static func bundle(_ number: Int = 1) throws -> ModelBundle {
        let imported = try ModelFile.open(Fixtures.digits + "/mlp.h5")
        return ModelBundle(
            manifest: Manifest(
                name: "digits", version: number, graph: imported.graph, source: imported.source,
                createdAt: "2026-01-01T00:00:00Z"),
            graph: imported.graph)
    }

    static func weights(_ bundle: ModelBundle) throws -> [String: [Float]] {
        try bundle.graph.initializers.filter { $0.value.elementType == .float32 }
            .mapValues { try $0.elements(as: Float.self) }
    }
}
