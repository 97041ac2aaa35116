import Foundation
import TestSupport
import Testing

@testable import KafkaClient
@testable import MillraceCommand
@testable import ModelRegistry

@Suite struct CheckTests {
    private func check(_ role: TopicCheck.Role) -> TopicCheck {
        TopicCheck(name: "t", role: role, bootstrap: "b:1", partitions: 6, replicationFactor: 3)
    }

    private func topic(_ partitions: Int, replicas: [Int32] = [1, 2, 3], inSync: [Int32]? = nil, leader: Int32? = 1)
        -> ClusterMetadata.Topic
    {
        ClusterMetadata.Topic(
            name: "t",
            partitions: (0..<partitions).map {
                ClusterMetadata.Partition(
                    id: Int32($0), leader: leader, replicas: replicas, inSyncReplicas: inSync ?? replicas)
            })
    }

    private func entries(_ values: [String: String]) -> [String: ConfigurationEntry] {
        Dictionary(uniqueKeysWithValues: values.map { ($0, ConfigurationEntry(name: $0, value: $1)) })
    }

    private func levels(
        _ role: TopicCheck.Role, _ topic: ClusterMetadata.Topic, _ values: [String: String], requests: Int = 3,
        brokers: Int = 3
    ) -> [Finding.Level] {
        check(role).findings(topic, entries(values), requestPartitions: requests, brokers: brokers).map(\.level)
    }

    private let sound = ["cleanup.policy": "delete", "min.insync.replicas": "2", "max.message.bytes": "2000000"]

    @Test func aSoundTopicIsFine() {
        #expect(levels(.requests, topic(3), sound) == [.ok])
        #expect(levels(.results(bytes: 1_000_000), topic(3), sound) == [.ok])
        #expect(levels(.deadLetters(bytes: 2_000_000), topic(1), sound) == [.ok])
        #expect(levels(.registry, topic(1), sound.merging(["cleanup.policy": "compact"]) { $1 }) == [.ok])
    }

    @Test func partitionsAndLeaders() {
        #expect(levels(.results(bytes: 1), topic(2), sound, requests: 3) == [.warning])
        #expect(levels(.registry, topic(2), sound.merging(["cleanup.policy": "compact"]) { $1 }) == [.error])
        #expect(levels(.requests, topic(3, leader: nil), sound) == [.error])
    }

    @Test func replicas() {
        #expect(levels(.requests, topic(3, inSync: [1]), sound).first == .error)
        #expect(levels(.requests, topic(3, inSync: [1, 2]), sound) == [.warning])
        #expect(levels(.requests, topic(3), sound.merging(["min.insync.replicas": "1"]) { $1 }) == [.warning])
        let one = sound.merging(["min.insync.replicas": "1"]) { $1 }
        #expect(levels(.requests, topic(3, replicas: [1]), one, brokers: 3) == [.warning])
        #expect(levels(.requests, topic(3, replicas: [1]), one, brokers: 1) == [.info])
    }

    @Test func policies() {
        let compact = sound.merging(["cleanup.policy": "compact"]) { $1 }
        #expect(levels(.requests, topic(3), compact) == [.error])
        #expect(levels(.results(bytes: 1), topic(3), compact) == [.error])
        #expect(levels(.deadLetters(bytes: 1), topic(3), compact) == [.warning])
        #expect(levels(.registry, topic(1), sound) == [.error])
        let fix = check(.registry).findings(topic(1), entries(sound), requestPartitions: 0, brokers: 3).first?.fix
        #expect(fix?.contains("--entity-name t --add-config cleanup.policy=compact") == true)
        #expect(check(.registry).missing().fix?.contains("--partitions 1") == true)
    }

    @Test func sizes() {
        #expect(levels(.results(bytes: 2_000_000), topic(3), sound) == [.warning])
        #expect(levels(.results(bytes: 1_000_000), topic(3), sound) == [.ok])
        #expect(levels(.deadLetters(bytes: 2_000_001), topic(3), sound) == [.warning])
    }

    @Test func bundlesAreKeptInChunks() {
        let compact = sound.merging(["cleanup.policy": "compact"]) { $1 }
        #expect(levels(.artifacts(chunkBytes: 512 << 10), topic(4), compact) == [.ok])
        #expect(levels(.artifacts(chunkBytes: 512 << 10), topic(4), sound) == [.error])
        let small = compact.merging(["max.message.bytes": "100000"]) { $1 }
        #expect(levels(.artifacts(chunkBytes: 512 << 10), topic(4), small) == [.info])
        #expect(check(.artifacts(chunkBytes: 1)).missing().fix?.contains("cleanup.policy=compact") == true)
    }

    @Test func whatTheRegistrySays() throws {
        let check = RegistryCheck(topic: "models")
        var state = RegistryState()
        func finding(_ failure: RegistryLogError? = nil) -> Finding {
            check.finding(RegistryLog.Update(state: state, failure: failure, records: []))
        }
        #expect(finding().level == .warning && finding().fix?.contains("models import") == true)
        let digest = String(repeating: "a", count: 64)
        let record = VersionRecord(
            identity: .init(name: "m", number: 1), digest: digest, weightsSHA256: digest, graphSHA256: digest,
            framework: nil)
        state.apply(RegistryEvent(.versionCreated(record), time: 0, operatorName: "a"), offset: 0)
        #expect(finding().level == .ok && finding().found.contains("1 versions of 1 models"))
        let newer = finding(.newerFormat(offset: 7, key: "version/m/2", format: 2, supported: 1))
        #expect(newer.level == .error && newer.found.contains("7") && newer.fix?.contains("install") == true)
        #expect(finding(.malformedEvent(offset: 8, key: "k", reason: "no")).fix?.contains("tombstone") == true)
        state.apply(RegistryEvent(.versionRetired(record, createdOffset: 0), time: 0, operatorName: "a"), offset: 1)
        #expect(finding().level == .warning)
    }

    @Test func brokerLimits() {
        let check = BrokerCheck(transactionTimeout: .seconds(30))
        let fine = check.findings(
            1, entries(["transaction.max.timeout.ms": "30000", "inter.broker.protocol.version": "3.9-IV0"]), brokers: 1)
        #expect(fine.map(\.level) == [.ok])
        #expect(fine.first?.found.contains("Kafka 3.9") == true)
        let short = check.findings(1, entries(["transaction.max.timeout.ms": "29999"]), brokers: 1)
        #expect(short.map(\.level) == [.error, .ok])
        let lonely = check.findings(
            1, entries(["transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2"]),
            brokers: 1)
        #expect(lonely.map(\.level) == [.error, .error, .ok])
    }

    @Test func theClientLibraryAndScram() {
        func level(_ mechanism: String?, refused: Bool, repeats: Bool) -> Finding.Level {
            BrokerCheck.client(mechanism: mechanism, isRefused: refused, version: "2.0.2", repeatsNonce: repeats).level
        }
        #expect(level(nil, refused: true, repeats: true) == .ok)
        #expect(level("PLAIN", refused: true, repeats: true) == .ok)
        #expect(level("SCRAM-SHA-512", refused: false, repeats: true) == .warning)
        #expect(level("SCRAM-SHA-512", refused: true, repeats: true) == .error)
        #expect(level("SCRAM-SHA-512", refused: true, repeats: false) == .ok)
    }

    @Test func rulesThatForbid() {
        let check = AccessCheck(topics: ["requests", "results"], groups: ["millrace", "millrace-training"])
        func rule(_ resource: AccessRule.ResourceKind, _ name: String, allows: Bool = false) -> AccessRule {
            AccessRule(
                resource: resource, name: name, pattern: .literal, principal: "User:a", host: "*", operation: "Write",
                isAllowing: allows)
        }
        #expect(check.findings([rule(.topic, "requests", allows: true)]).map(\.level) == [.ok])
        #expect(check.findings([rule(.topic, "requests"), rule(.topic, "other")]).map(\.level) == [.warning])
        #expect(check.findings([rule(.group, "millrace-training")]).first?.found.contains("millrace-training") == true)
        #expect(check.findings([rule(.group, "millrace"), rule(.topic, "*")]).map(\.level) == [.warning, .warning])
    }

    @Test func aStoreThatIsMissingOrEmptyOrDamaged() async throws {
        let folder = try TemporaryFolder()
        var configuration = try LoadedConfiguration(layers: []).configuration
        configuration.recovery.directory = folder.path
        configuration.models.store = folder.path + "/absent"
        #expect(StoreCheck(configuration).findings().map(\.level) == [.error, .ok])
        configuration.models.store = folder.path + "/store"
        try FileManager.default.createDirectory(atPath: folder.path + "/store", withIntermediateDirectories: true)
        #expect(StoreCheck(configuration).findings().contains { $0.level == .warning && $0.fix != nil })
        _ = try ModelImport.run(
            ModelImport.open(DigitArrays.mlp, name: "digits"), name: "digits", metadata: [:],
            store: configuration.models.store)
        #expect(StoreCheck(configuration).findings().map(\.level) == [.ok, .ok, .ok])
        let bundles = configuration.models.store + "/bundles"
        let digest = try #require(try FileManager.default.contentsOfDirectory(atPath: bundles).first)
        let weights = "\(bundles)/\(digest)/weights.safetensors"
        var bytes = try Data(contentsOf: URL(filePath: weights))
        bytes[bytes.count - 1] ^= 1
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: weights)
        try bytes.write(to: URL(filePath: weights))
        let damaged = StoreCheck(configuration).findings()
        #expect(damaged.contains { $0.level == .error && $0.subject == "model digits@1" }, "\(damaged)")
    }
}
