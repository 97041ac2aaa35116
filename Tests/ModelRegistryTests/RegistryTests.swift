import Foundation
import Logging
import ModelFormats
import ModelRegistry
import TensorEngine
import TestSupport
import Testing

@Suite struct RegistryTests {
    let folder: TemporaryFolder
    let store: DirectoryArtifactStore
    let index: VersionIndex

    init() throws {
        folder = try TemporaryFolder()
        store = try DirectoryArtifactStore(root: folder.path)
        index = try VersionIndex(root: folder.path)
    }

    @discardableResult
    func importDigits(as name: String = "digits") throws -> ModelVersion {
        let imported = try ModelFile.open(Fixtures.digits + "/mlp.h5")
        return try index.append(name: name) { number in
            let manifest = Manifest(
                name: name, version: number, graph: imported.graph, source: imported.source,
                createdAt: "2026-01-01T00:00:00Z")
            return try store.put(ModelBundle(manifest: manifest, graph: imported.graph))
        }
    }

    func version(_ name: String, _ number: Int) -> ModelVersion {
        ModelVersion(identity: .init(name: name, number: number), digest: "")
    }

    @Test func unqualifiedAndLatestMeanTheHighestNumber() throws {
        let catalog = VersionCatalog([version("a", 1), version("a", 12), version("a", 3)])
        for text in ["a", "a@champion", "a@latest", "a@12"] {
            #expect(try catalog.version(for: ModelReference(parsing: text)).identity.number == 12)
        }
        #expect(try catalog.version(for: ModelReference(parsing: "a@3")).identity.number == 3)
    }

    @Test func unknownNamesAndVersionsSayWhatThereIs() throws {
        let catalog = VersionCatalog([version("digits", 1), version("digits", 2)])
        #expect(throws: RegistryError.unknownModel("digit", nearest: "digits", knownCount: 1)) {
            try catalog.version(for: ModelReference(name: "digit"))
        }
        let number = ModelReference(name: "digits", version: .number(7))
        #expect(throws: RegistryError.unknownVersion(number, available: [1, 2])) { try catalog.version(for: number) }
        let alias = ModelReference(name: "digits", version: .alias("champ"))
        #expect(throws: RegistryError.unknownAlias(alias, nearest: "champion", available: [1, 2])) {
            try catalog.version(for: alias)
        }
    }

    @Test func storedBundlesComeBackByTheirDigest() throws {
        let version = try importDigits()
        let bundle = try store.bundle(digest: version.digest)
        #expect(bundle.manifest.name == "digits")
        #expect(bundle.manifest.version == 1)
        #expect(bundle.digest == version.digest)
        #expect(try store.put(bundle) == version.digest)
    }

    @Test func bundleUnderAnotherDigestIsRefused() throws {
        let version = try importDigits()
        let wrong = String(repeating: "a", count: 64)
        try FileManager.default.moveItem(
            atPath: "\(folder.path)/bundles/\(version.digest)", toPath: "\(folder.path)/bundles/\(wrong)")
        #expect(throws: RegistryError.self) { try store.bundle(digest: wrong) }
        #expect(throws: RegistryError.missingEntry(store: folder.path, digest: version.digest)) {
            try store.bundle(digest: version.digest)
        }
        #expect(throws: RegistryError.self) { try store.bundle(digest: "../../etc") }
    }

    @Test func alteredWeightsAreNotServed() async throws {
        let version = try importDigits()
        let path = "\(folder.path)/bundles/\(version.digest)/weights.safetensors"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count - 1] ^= 1
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try bytes.write(to: URL(filePath: path))
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let registry = Registry(store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await #expect(throws: ModelFormatError.self) { try await registry.load(version, warmUpRows: 4, on: pool) }
        #expect(registry.loaded.isEmpty)
    }

    @Test func loadedVersionsResolveAndOthersSayThatTheyAreNot() async throws {
        let versions = [try importDigits(), try importDigits()]
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let registry = Registry(store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        registry.catalog = VersionCatalog(versions)
        try await registry.load(versions[0], warmUpRows: 100, on: pool)
        let first = ModelReference(name: "digits", version: .number(1))
        #expect(try registry.resolve(first).version == versions[0])
        let champion = ModelReference(name: "digits")
        #expect(throws: RegistryError.notLoaded(champion)) { try registry.resolve(champion) }
        try await registry.load(versions[1], warmUpRows: 1, on: pool)
        #expect(try registry.resolve(champion).version == versions[1])
        #expect(registry.loaded.map(\.number) == [1, 2])
    }
}
