import Foundation
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import TestSupport
import Testing

/// What only happens on a topic.
@Suite struct KafkaArtifactStoreTests {
    private func chunk(_ test: StoreUnderTest, _ digest: String, _ index: Int, _ value: [UInt8]?) -> ProducerRecord {
        // The store puts a bundle's chunks where its digest says; here there are two partitions for them.
        let partition = 1 + Int32((UInt32(digest.prefix(7), radix: 16) ?? 0) % 2)
        return ProducerRecord(
            topic: test.topic, partition: partition, key: Array("\(digest)/weights.safetensors/\(index)".utf8)[...],
            value: value.map { $0[...] },
            headers: [KafkaHeader(name: "millrace-sha256", value: [UInt8](repeating: 7, count: 32)[...])])
    }

    /// As if the log held another record in its place: the contents now begin after the true chunks.
    private func contents(
        _ test: StoreUnderTest, _ digest: String, changing change: (String) -> String
    ) async throws -> ProducerRecord {
        let text = change(try await readContents(test, digest))
        return ProducerRecord(
            topic: test.topic, partition: 0, key: Array(digest.utf8)[...], value: Array(text.utf8)[...])
    }

    private func readContents(_ test: StoreUnderTest, _ digest: String) async throws -> String {
        let kafka = try #require(test.kafka)
        let partition = TopicPartition(topic: test.topic, partition: 0)
        let admin = try KafkaAdmin(kafka, logger: StoreUnderTest.quiet)
        let end = try await admin.offsets(of: [partition], at: .latest)[partition] ?? 0
        await admin.close(deadline: .seconds(1))
        let reader = try RangeReader(ConsumerConfiguration(kafka: kafka, groupID: "x"), logger: StoreUnderTest.quiet)
        try await reader.start([partition: 0..<(end ?? 0)])
        var found = ""
        while let records = try await reader.next() {
            for record in records where record.key.map({ String(decoding: $0, as: UTF8.self) }) == digest {
                found = String(decoding: record.value ?? [], as: UTF8.self)
            }
        }
        await reader.close()
        return found
    }

    @Test func missingChunkIsNamed() async throws {
        let test = try await StoreUnderTest(.kafka)
        let digest = try await test.store.put(try StoreUnderTest.bundle())
        // The chunks lie before the place where the contents now say that they begin.
        try await test.produce([chunk(test, digest, 99, nil)])
        let end = try #require(Int(try await readContents(test, digest).firstMatch(of: /"firstOffset":(\d+)/)?.1 ?? ""))
        try await test.produce([
            try await contents(test, digest) {
                $0.replacing("\"firstOffset\":\(end)", with: "\"firstOffset\":\(end + 2)")
            }
        ])
        let (other, folder) = try test.elsewhere()
        let error = await #expect(throws: RegistryError.self) { try await other.bundle(digest: digest) }
        guard case .damagedEntry(let path, let reason) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(path == "\(test.topic)/\(digest)/weights.safetensors/0")
        #expect(reason.contains("missing"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/bundles").isEmpty)
    }

    @Test func alteredChunkIsNamed() async throws {
        let test = try await StoreUnderTest(.kafka)
        let digest = try await test.store.put(try StoreUnderTest.bundle())
        let text = try await readContents(test, digest)
        let first = try #require(Int(text.firstMatch(of: /"firstOffset":(\d+)/)?.1 ?? ""))
        let count = try #require(Int(text.firstMatch(of: /"bytes":(\d+),"name":"weights/)?.1 ?? ""))
        // Behind all true chunks, and the contents now begin there.
        let chunks = (count + 9_999) / 10_000
        try await test.produce(
            (0..<chunks).map { chunk(test, digest, $0, [UInt8](repeating: 1, count: min(10_000, count - $0 * 10_000))) }
        )
        try await test.produce([
            try await contents(test, digest) {
                $0.replacing("\"firstOffset\":\(first)", with: "\"firstOffset\":\(first + chunks)")
            }
        ])
        let (other, folder) = try test.elsewhere()
        let error = await #expect(throws: RegistryError.self) { try await other.bundle(digest: digest) }
        #expect(String(describing: error).contains("weights.safetensors/"))
        #expect(String(describing: error).contains("SHA-256"))
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [
        "{", "[]", #"{"formatVersion":2}"#,
        #"{"formatVersion":1,"digest":"D","chunkBytes":0,"partition":1,"firstOffset":0,"files":[]}"#,
        #"{"formatVersion":1,"digest":"D","chunkBytes":9,"partition":1,"firstOffset":0,"files":[{"name":"../x","bytes":1}]}"#,
        #"{"formatVersion":1,"digest":"D","chunkBytes":9,"partition":1,"firstOffset":0,"files":[]}"#,
    ])
    func contentsThatCannotBeReadAreNamed(_ text: String) async throws {
        let test = try await StoreUnderTest(.kafka)
        let kept = try await test.store.put(try StoreUnderTest.bundle())
        let digest = String(repeating: "b", count: 64)
        try await test.produce([
            ProducerRecord(
                topic: test.topic, partition: 0, key: Array(digest.utf8)[...],
                value: Array(text.replacing("\"D\"", with: "\"\(digest)\"").utf8)[...])
        ])
        let error = await #expect(throws: RegistryError.self) { try await test.store.bundle(digest: digest) }
        guard case .damagedEntry(let path, _) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(path == "\(test.topic)/\(digest)")
        // The others are not affected, and collection removes it.
        #expect(try await test.elsewhere().store.bundle(digest: kept).digest == kept)
        #expect(try await test.store.collect(keeping: [kept], grace: .zero).removed == [digest])
        #expect(try await test.store.entries().map(\.digest) == [kept])
    }

    @Test func damagedCacheIsFetchedAgain() async throws {
        let test = try await StoreUnderTest(.kafka)
        let digest = try await test.store.put(try StoreUnderTest.bundle())
        let path = "\(test.root)/bundles/\(digest)/weights.safetensors"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(filePath: path))
        #expect(try await test.store.bundle(digest: digest).digest == digest)
        #expect(try Data(contentsOf: URL(filePath: path)) != bytes)
    }
}
