import Foundation
import JSONDocuments
import KafkaClient
import Logging
import ModelRegistry
import Testing

/// A registry topic of its own.
struct RegistryHarness {
    let kafka: KafkaConfiguration
    let topic: String
    let embedded: EmbeddedCluster?

    init(_ purpose: String, embedded: Bool = false) throws {
        topic = "millrace-test-models-\(purpose)-\(UUID().uuidString.prefix(8))"
        let broker: TestBroker
        if embedded {
            let cluster = try EmbeddedCluster()
            broker = TestBroker(bootstrapServers: cluster.bootstrapServers, embedded: cluster)
            try cluster.createTopic(topic, partitions: 1)
        } else {
            broker = try TestBroker.start()
        }
        self.embedded = broker.embedded
        kafka = try KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    }

    var log: RegistryLog { RegistryLog(topic: topic, kafka: kafka, logger: .quiet) }

    func writer(patience: Duration = .seconds(60)) -> RegistryWriter {
        var registryTopic = RegistryTopic(name: topic, replicationFactor: 1)
        registryTopic.isConfigurationChecked = embedded == nil
        var configuration = RegistryWriter.Configuration(kafka: kafka, topic: registryTopic, source: "/millrace/test")
        configuration.patience = patience
        return RegistryWriter(configuration, logger: .quiet)
    }

    static func record(_ name: String, _ number: Int) -> VersionRecord {
        VersionRecord(
            identity: .init(name: name, number: number), digest: String(repeating: "a", count: 64),
            weightsSHA256: String(repeating: "b", count: 64), graphSHA256: String(repeating: "c", count: 64))
    }

    /// Creates the next version of the model.
    @discardableResult
    func create(_ name: String, by operatorName: String = "ada") async throws -> Int {
        try await writer().write(as: operatorName) { state in
            let number = state.models[name]?.nextNumber ?? 1
            return RegistryDecision([.versionCreated(Self.record(name, number))], number)
        }
    }

    func withAdmin<Result>(_ body: (KafkaAdmin) async throws -> Result) async throws -> Result {
        let admin = try KafkaAdmin(kafka, logger: .quiet)
        do {
            let result = try await body(admin)
            await admin.close()
            return result
        } catch {
            await admin.close()
            throw error
        }
    }
}

@Suite(.enabled(if: ExactlyOnceTests.hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
struct RegistryLogTests {
    @Test func theTopicIsMadeCompactedWithOnePartition() async throws {
        let harness = try RegistryHarness("made")
        #expect(try await harness.create("digits") == 1)
        let (partitions, policy) = try await harness.withAdmin { admin in
            (
                try await admin.metadata().topics[harness.topic]?.partitions.count,
                try await admin.configuration(ofTopic: harness.topic)["cleanup.policy"]?.value
            )
        }
        #expect(partitions == 1)
        #expect(policy == "compact")
        #expect(try await harness.create("digits") == 2)
        let state = try await harness.log.read().state
        #expect(state.models["digits"]?.versions.keys.sorted() == [1, 2])
        #expect(state.models["digits"]?.versions[2]?.created?.operatorName == "ada")
    }

    @Test(arguments: [
        (1, "delete", "cleanup.policy"), (1, "compact,delete", "cleanup.policy"), (3, "compact", "3 part"),
    ])
    func unsuitableTopicsAreRefused(_ partitions: Int, _ policy: String, _ reason: String) async throws {
        let harness = try RegistryHarness("unsuitable")
        try await harness.withAdmin { admin in
            _ = try await admin.createTopics([
                NewTopic(
                    name: harness.topic, partitions: partitions, replicationFactor: 1,
                    configuration: ["cleanup.policy": policy])
            ])
        }
        let error = try await #require(throws: RegistryLogError.self) { try await harness.create("digits") }
        guard case .unsuitableTopic(harness.topic, let found) = error else {
            Issue.record("found \(error)")
            return
        }
        #expect(found.contains(reason))
    }

    /// Each writer reads a number and writes the next one, in two places: any overlap would lose an update.
    @Test func eightWritersNeverShareANumberNorLoseAnUpdate() async throws {
        let harness = try RegistryHarness("writers")
        let (writers, rounds) = (8, 4)
        let started = ContinuousClock.now
        let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var numbers: [Int] = []
                    for _ in 0..<rounds {
                        numbers.append(
                            try await harness.writer(patience: .seconds(120)).write(as: "writer-\(writer)") { state in
                                let number = state.models["digits"]?.nextNumber ?? 1
                                let counted = state.models["digits"]?.aliases["counter"]?.number
                                return RegistryDecision(
                                    [
                                        .versionCreated(RegistryHarness.record("digits", number)),
                                        .aliasSet(
                                            model: "digits", alias: "counter", number: (counted ?? 0) + 1,
                                            previous: counted),
                                    ], number)
                            })
                    }
                    return numbers
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        print("8 writers, \(writers * rounds) changes in \(ContinuousClock.now - started)")
        #expect(numbers.sorted() == Array(1...writers * rounds))
        let update = try await harness.log.read()
        let model = try #require(update.state.models["digits"])
        #expect(model.versions.keys.sorted() == Array(1...writers * rounds))
        #expect(model.aliases["counter"]?.number == writers * rounds)
        // No event was written twice, not even one that a later one hides.
        #expect(update.records.count == 2 * writers * rounds)
    }

    /// Until its timeout, nothing behind the transaction of a writer that died could be read.
    @Test(.timeLimit(.minutes(1))) func theTransactionOfADeadWriterIsEnded() async throws {
        let harness = try RegistryHarness("dead")
        try await harness.create("digits")
        var configuration = TransactionalProducerConfiguration(
            producer: ProducerConfiguration(kafka: harness.kafka),
            transactionalID: RegistryWriter.Configuration.transactionalID(topic: harness.topic))
        configuration.transactionTimeout = .seconds(120)
        let dead = try TransactionalProducer(configuration, logger: .quiet)
        try await dead.initTransactions()
        try dead.begin()
        try await dead.produce([ProducerRecord(topic: harness.topic, partition: 0, key: [1], value: [2])])
        await dead.close(deadline: .zero)
        try await harness.writer().releaseAbandoned()
        #expect(try await harness.log.read().state.models["digits"]?.versions.count == 1)
    }

    @Test func refusalsAndNothingToDoWriteNothing() async throws {
        struct Refusal: Error {}
        let harness = try RegistryHarness("refusal")
        try await harness.create("digits")
        await #expect(throws: Refusal.self) {
            try await harness.writer().write(as: "ada") { _ -> RegistryDecision<Int> in throw Refusal() }
        }
        let count = try await harness.writer().write(as: "ada") { RegistryDecision([], $0.models.count) }
        #expect(count == 1)
        #expect(try await harness.log.read().records.count == 1)
    }

    @Test func anOpenTransactionOfAnotherProgramIsWaitedFor() async throws {
        let harness = try RegistryHarness("foreign")
        try await harness.create("digits")
        let foreign = try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: harness.kafka), transactionalID: "\(harness.topic)-foreign"),
            logger: .quiet)
        try await foreign.initTransactions()
        try foreign.begin()
        let event = RegistryEvent(
            .versionCreated(RegistryHarness.record("digits", 2)), time: 1_760_000_000_000, operatorName: "trainer")
        try await foreign.produce([
            RegistryEventCoding.record(event, topic: harness.topic, id: "foreign", source: "/test")
        ])
        // Until it is in the log, nothing hides the end.
        try await eventually {
            let probe = try KafkaConsumer(
                {
                    var configuration = ConsumerConfiguration(kafka: harness.kafka, groupID: "probe")
                    configuration.isolationLevel = .readUncommitted
                    return configuration
                }(), logger: .quiet)
            let end = try await probe.watermarks(TopicPartition(topic: harness.topic, partition: 0)).high
            await probe.close()
            return end == 3
        }
        let error = try await #require(throws: RegistryLogError.self) {
            _ = try await harness.writer(patience: .seconds(2)).write(as: "ada") { RegistryDecision([], $0.nextOffset) }
        }
        guard case .contended(_, _, let last) = error else {
            Issue.record("found \(error)")
            return
        }
        #expect(last.contains("still open"))
        async let number = harness.create("digits")
        try await Task.sleep(for: .milliseconds(300))
        try await foreign.commit()
        await foreign.close()
        let created = try await number
        #expect(created == 3)
    }

    @Test func newerFormatsStopWritersAndAreReported() async throws {
        let harness = try RegistryHarness("newer")
        try await harness.create("digits")
        let before = try await harness.log.read().state
        let producer = try KafkaProducer(ProducerConfiguration(kafka: harness.kafka), logger: .quiet)
        let reports = try await producer.produce([
            ProducerRecord(
                topic: harness.topic, partition: 0, key: ArraySlice("version/digits/2".utf8),
                value: ArraySlice(#"{"format": 2}"#.utf8))
        ])
        let offset = try #require(reports.first).get().offset
        await producer.close()
        let expected = RegistryLogError.newerFormat(
            offset: offset, key: "version/digits/2", format: 2, supported: RegistryEvent.formatVersion)
        await #expect(throws: expected) { try await harness.create("digits") }
        let update = try await harness.log.read()
        #expect(update.failure == expected)
        #expect(update.state == before)
    }

    @Test func followersSeeEverythingAndThenEachChange() async throws {
        let harness = try RegistryHarness("follow")
        try await harness.create("digits")
        try await harness.create("digits")
        let (updates, continuation) = AsyncStream.makeStream(of: RegistryLog.Update.self)
        let follower = Task { try await harness.log.follow { continuation.yield($0) } }
        defer { follower.cancel() }
        var iterator = updates.makeAsyncIterator()
        let first = try #require(await iterator.next())
        #expect(first.state.models["digits"]?.versions.count == 2)
        #expect(first.records.count == 2)
        let identity = ModelVersion.Identity(name: "digits", number: 2)
        try await harness.writer().report([identity: .loaded], instance: "host/1")
        let loaded = try #require(await iterator.next())
        #expect(loaded.state.models["digits"]?.residences[2]?.keys.sorted() == ["host/1"])
        #expect(loaded.records.count == 1)
        try await harness.writer().report([identity: .unloaded], instance: "host/1")
        let unloaded = try #require(await iterator.next())
        #expect(unloaded.state.models["digits"]?.residences.isEmpty == true)
        try await harness.writer().recordAction(
            kind: "offsets.reset", subject: "group-a", details: ["to": 5], operatorName: "ada")
        let action = try #require(await iterator.next())
        #expect(action.state.actions.values.map(\.subject) == ["group-a"])
        await #expect(throws: RegistryLogError.self) {
            try await harness.writer().recordAction(kind: "a/b", subject: "c", details: nil, operatorName: "ada")
        }
    }

    @Test func missingTopicsAreNamed() async throws {
        let harness = try RegistryHarness("missing")
        await #expect(throws: RegistryLogError.missingTopic(harness.topic)) { try await harness.log.read() }
    }
}

/// On a cluster that can be made to fail at will.
struct RegistryFaultTests {
    @Test func commitsWhoseAnswerIsLostAreNotRepeated() async throws {
        let harness = try RegistryHarness("lost", embedded: true)
        let cluster = try #require(harness.embedded)
        #expect(try await harness.create("digits") == 1)
        // This cluster keeps what an unfinished transaction wrote, as a broker does that commits and does not say so.
        try cluster.pushRequestErrors(.endTransaction, [.producerFenced])
        #expect(try await harness.create("digits") == 2)
        let state = try await harness.log.read().state
        #expect(state.models["digits"]?.versions.keys.sorted() == [1, 2])
    }
}
