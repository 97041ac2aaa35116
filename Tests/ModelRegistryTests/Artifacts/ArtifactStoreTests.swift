import Foundation
import ModelFormats
import ModelRegistry
import TestSupport
import Testing

/// What every artifact store does.
@Suite struct ArtifactStoreTests {
    @Test(arguments: StoreKind.allCases) func bundlesComeBackByTheirDigest(_ kind: StoreKind) async throws {
        let test = try await StoreUnderTest(kind)
        let bundle = try StoreUnderTest.bundle()
        #expect(try await test.store.put(bundle) == bundle.digest)
        let (other, folder) = try test.elsewhere()
        let found = try await other.bundle(digest: bundle.digest)
        #expect(found.digest == bundle.digest)
        #expect(found.manifest == bundle.manifest)
        #expect(try StoreUnderTest.weights(found) == StoreUnderTest.weights(bundle))
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: StoreKind.allCases) func storingAgainOnlyMakesItYounger(_ kind: StoreKind) async throws {
        let test = try await StoreUnderTest(kind)
        let bundle = try StoreUnderTest.bundle()
        _ = try await test.store.put(bundle)
        let first = try await test.store.entries()
        #expect(first.map(\.digest) == [bundle.digest])
        try await Task.sleep(for: .milliseconds(20))
        #expect(try await test.store.put(bundle) == bundle.digest)
        let second = try await test.store.entries()
        #expect(second.map(\.digest) == [bundle.digest])
        #expect(try #require(second.first).storedAt > (try #require(first.first)).storedAt)
        #expect(try await test.elsewhere().store.bundle(digest: bundle.digest).digest == bundle.digest)
    }

    @Test(arguments: StoreKind.allCases) func whatIsNotThereIsNamed(_ kind: StoreKind) async throws {
        let test = try await StoreUnderTest(kind)
        let digest = String(repeating: "a", count: 64)
        await #expect(throws: RegistryError.missingEntry(store: test.store.location, digest: digest)) {
            try await test.store.bundle(digest: digest)
        }
        await #expect(throws: RegistryError.self) { try await test.store.bundle(digest: "../../etc") }
        #expect(try await test.store.entries().isEmpty)
        try await test.store.remove(digest: digest)
    }

    @Test(arguments: StoreKind.allCases) func removedBundlesAreGoneForAll(_ kind: StoreKind) async throws {
        let test = try await StoreUnderTest(kind)
        let bundles = [try StoreUnderTest.bundle(1), try StoreUnderTest.bundle(2)]
        for bundle in bundles { _ = try await test.store.put(bundle) }
        // Loaded before: its mapped file stays readable.
        let loaded = try await test.store.bundle(digest: bundles[0].digest)
        try await test.store.remove(digest: bundles[0].digest)
        let (other, folder) = try test.elsewhere()
        for store in [test.store, other] {
            await #expect(throws: RegistryError.missingEntry(store: store.location, digest: bundles[0].digest)) {
                try await store.bundle(digest: bundles[0].digest)
            }
            #expect(try await store.entries().map(\.digest) == [bundles[1].digest])
            #expect(try await store.bundle(digest: bundles[1].digest).digest == bundles[1].digest)
        }
        #expect(try StoreUnderTest.weights(loaded) == StoreUnderTest.weights(bundles[0]))
        // Gone for good does not mean gone for ever.
        _ = try await test.store.put(bundles[0])
        #expect(try await other.bundle(digest: bundles[0].digest).digest == bundles[0].digest)
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: StoreKind.allCases) func collectionKeepsWhatIsReferredToAndWhatIsYoung(
        _ kind: StoreKind
    ) async throws {
        let test = try await StoreUnderTest(kind)
        let digests = try await [1, 2, 3].asyncMap { try await test.store.put(try StoreUnderTest.bundle($0)) }
        let kept: Set = [digests[0]]
        let young = try await test.store.collect(keeping: kept, grace: .seconds(3600))
        #expect(young.removed.isEmpty)
        #expect(Set(young.spared) == [digests[1], digests[2]])
        let planned = try await test.store.collect(keeping: kept, grace: .zero, isDryRun: true)
        #expect(Set(planned.removed) == [digests[1], digests[2]])
        #expect(try await test.store.entries().count == 3)
        let old = try await test.store.collect(keeping: kept, grace: .zero)
        #expect(Set(old.removed) == [digests[1], digests[2]])
        #expect(try await test.store.entries().map(\.digest) == [digests[0]])
        #expect(try await test.store.bundle(digest: digests[0]).digest == digests[0])
    }

    @Test(arguments: StoreKind.allCases) func whatKilledWritersLeftGoesAfterTheGrace(_ kind: StoreKind) async throws {
        let test = try await StoreUnderTest(kind)
        let digest = try await test.store.put(try StoreUnderTest.bundle())
        for name in [".bundle-AAAAAA", ".fetch-BBBBBB"] {
            let path = "\(test.root)/bundles/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data("half".utf8).write(to: URL(filePath: path + "/weights.safetensors"))
        }
        #expect(try await test.store.collect(keeping: [digest], grace: .seconds(600)).leftovers == 0)
        #expect(try await test.store.collect(keeping: [digest], grace: .zero).leftovers == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: test.root + "/bundles") == [digest])
        #expect(try await test.store.bundle(digest: digest).digest == digest)
    }

    @Test(arguments: StoreKind.allCases) func eightWritersOfTheSameBundleAgree(_ kind: StoreKind) async throws {
        let test = try await StoreUnderTest(kind)
        let bundle = try StoreUnderTest.bundle()
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<(kind == .directory ? 8 : 1) { group.addTask { try await test.store.put(bundle) } }
            for try await digest in group { #expect(digest == bundle.digest) }
        }
        #expect(try await test.elsewhere().store.bundle(digest: bundle.digest).digest == bundle.digest)
    }
}

extension Sequence {
    func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
