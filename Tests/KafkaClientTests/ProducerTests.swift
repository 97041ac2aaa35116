import KafkaClient
import Synchronization
import Testing

@Suite struct ProducerTests {
    private static func producer(
        _ servers: String? = nil, configure: (inout ProducerConfiguration) -> Void = { _ in }
    ) throws -> KafkaProducer {
        let kafka =
            try servers.map { try KafkaConfiguration(bootstrapServers: $0) } ?? TestBroker.configuration()
        var configuration = ProducerConfiguration(kafka: kafka)
        configure(&configuration)
        return try KafkaProducer(configuration, logger: TestBroker.logger)
    }

    @Test func recordsGoToThePartitionTheyName() async throws {
        let topic = try await TestBroker.makeTopic("explicit", partitions: 3)
        let producer = try Self.producer()
        #expect(try await producer.partitionCount(of: topic) == 3)
        let reports = try await producer.produce(
            [2, 0, 1, 2].map { ProducerRecord(topic: topic, partition: $0, value: [UInt8($0)]) })
        #expect(try reports.map { try $0.get().topicPartition.partition } == [2, 0, 1, 2])
        await producer.close()
        let reader = try TestReader(topic, partitions: 3)
        for record in try await reader.records(4) {
            #expect(record.value == [UInt8(record.topicPartition.partition)])
        }
        await reader.close()
    }

    @Test func aKeyChoosesTheJavaClientsPartition() async throws {
        // Murmur2, as the Java client's own test has it: toPositive(murmur2("foobar")) = 1357151166.
        let topic = try await TestBroker.makeTopic("keyed", partitions: 4)
        let producer = try Self.producer()
        let reports = try await producer.produce(
            [ProducerRecord(topic: topic, key: ArraySlice("foobar".utf8), value: [1])])
        #expect(try reports[0].get().topicPartition.partition == 1_357_151_166 % 4)
        await producer.close()
    }

    @Test func badRecordsFailAloneAndTheOthersArrive() async throws {
        let topic = try await TestBroker.makeTopic("bad", partitions: 1)
        let producer = try Self.producer { $0.maximumRecordBytes = 10_000 }
        // So that the topic's partitions are known and a wrong one is refused at once.
        _ = try await producer.produce([ProducerRecord(topic: topic, partition: 0, value: [0])])
        let header = [KafkaHeader(name: "trace", text: "x"), KafkaHeader(name: "null", value: nil)]
        let reports = try await producer.produce([
            ProducerRecord(topic: topic, partition: 0, value: [1], headers: header),
            ProducerRecord(topic: topic, partition: 77, value: [2], headers: header),
            ProducerRecord(topic: topic, partition: 0, value: ArraySlice(repeating: 3, count: 20_000), headers: header),
            ProducerRecord(topic: topic, partition: -1, value: [4], headers: header),
            ProducerRecord(topic: "", value: [5], headers: header),
            ProducerRecord(topic: topic, partition: 0, value: [6], headers: header),
        ])
        #expect(try reports[0].get().offset == 1)
        #expect(reports[1].error?.isUnknownTopicOrPartition == true, "\(reports[1])")
        #expect(reports[1].error?.recordIndex == 1)
        #expect(reports[2].error?.isMessageTooLarge == true)
        #expect(reports[3].error?.reason.contains("negative") == true)
        #expect(reports[4].error?.reason.contains("topic name") == true)
        #expect(try reports[5].get().offset == 2)
        await producer.close()
        await #expect(throws: KafkaError.self) {
            try await producer.produce([ProducerRecord(topic: topic, value: [1])])
        }
    }

    @Test func anUnknownPartitionWithHeadersNeverCrashes() async throws {
        let topic = try await TestBroker.makeTopic("headers", partitions: 1)
        let producer = try Self.producer { $0.deliveryTimeout = .seconds(3) }
        for round in 0..<50 {
            let headers = (0..<round).map { KafkaHeader(name: "h\($0)", text: "value \($0)") }
            let reports = try await producer.produce([
                ProducerRecord(topic: topic, partition: 9, value: [1], headers: headers)
            ])
            #expect(reports[0].error?.isUnknownTopicOrPartition == true)
        }
        await producer.close()
    }

    @Test func aFullQueueIsWaitedFor() async throws {
        let topic = try await TestBroker.makeTopic("full", partitions: 2)
        let producer = try Self.producer {
            $0.maximumQueuedRecords = 20
            $0.linger = .milliseconds(1)
        }
        let records = (0..<2000).map {
            ProducerRecord(topic: topic, partition: Int32($0 % 2), value: [UInt8($0 & 255)])
        }
        let reports = try await producer.produce(records)
        let offsets = try reports.map { try $0.get() }
        // In input order per partition, none lost.
        #expect(offsets.filter { $0.topicPartition.partition == 0 }.map(\.offset) == Array(0..<1000))
        #expect(offsets.filter { $0.topicPartition.partition == 1 }.map(\.offset) == Array(0..<1000))
        await producer.close()
    }

    @Test func enqueueRefusesWhatDoesNotFit() async throws {
        let topic = try await TestBroker.makeTopic("enqueue", partitions: 1)
        let producer = try Self.producer {
            $0.maximumQueuedRecords = 10
            $0.linger = .milliseconds(200)
        }
        let reports = Mutex<[DeliveryReport]>([])
        let error = #expect(throws: KafkaError.self) {
            try producer.enqueue((0..<25).map { ProducerRecord(topic: topic, partition: 0, value: [$0]) }) { batch in
                reports.withLock { $0 = batch }
            }
        }
        #expect(error?.isQueueFull == true)
        let first = try #require(error?.recordIndex)
        #expect(first >= 10 && first < 25)
        try await producer.flush(deadline: .seconds(10))
        try await poll { reports.withLock { !$0.isEmpty } }
        let received = reports.withLock { $0 }
        #expect(received.count == 25)
        #expect(received[..<first].allSatisfy { $0.error == nil })
        #expect(received[first...].allSatisfy { $0.error?.isQueueFull == true })
        await producer.close()
    }

    @Test func aProducerWithoutAClusterFailsEveryRecordAndClosesInTime() async throws {
        let producer = try Self.producer("127.0.0.1:1") { $0.deliveryTimeout = .seconds(30) }
        async let reports = producer.produce((0..<100).map { ProducerRecord(topic: "t", partition: 0, value: [$0]) })
        try await Task.sleep(for: .milliseconds(50))
        let elapsed = await ContinuousClock().measure { await producer.close(deadline: .milliseconds(300)) }
        #expect(elapsed < .seconds(20), "\(elapsed)")
        let failures = try await reports
        #expect(failures.count == 100)
        #expect(failures.allSatisfy { $0.error != nil })
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aBrokerThatComesBackGetsTheRecords() async throws {
        let cluster = try EmbeddedCluster()
        try cluster.createTopic("t", partitions: 1)
        let producer = try Self.producer(cluster.bootstrapServers)
        _ = try await producer.produce([ProducerRecord(topic: "t", partition: 0, value: [0])])[0].get()
        try cluster.setBroker(1, isUp: false)
        async let report = producer.produce([ProducerRecord(topic: "t", partition: 0, value: [1])])
        try await Task.sleep(for: .milliseconds(300))
        try cluster.setBroker(1, isUp: true)
        #expect(try await report[0].get().offset == 1)
        await producer.close()
        cluster.stop()
        cluster.stop()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aFaultThatPassesIsRetriedWithoutRepeatingARecord() async throws {
        let cluster = try EmbeddedCluster()
        try cluster.createTopic("t", partitions: 1)
        let producer = try Self.producer(cluster.bootstrapServers)
        _ = try await producer.produce([ProducerRecord(topic: "t", partition: 0, value: [0])])[0].get()
        try cluster.pushRequestErrors(.produce, [.notEnoughReplicas, .notLeaderForPartition, .disconnect])
        let reports = try await producer.produce([ProducerRecord(topic: "t", partition: 0, value: [1])])
        #expect(reports[0].error == nil)
        await producer.close()
        let admin = try KafkaAdmin(
            KafkaConfiguration(bootstrapServers: cluster.bootstrapServers), logger: TestBroker.logger)
        let partition = TopicPartition(topic: "t", partition: 0)
        #expect(try await admin.offsets(of: [partition], at: .latest) == [partition: 2])
        await admin.close()
        cluster.stop()
    }

    @Test func closingIsQuick() async throws {
        let topic = try await TestBroker.makeTopic("close")
        let producer = try Self.producer()
        _ = try await producer.produce([ProducerRecord(topic: topic, value: [1])])
        let reader = try TestReader(topic, partitions: 1)
        _ = reader.consumer.drain(maximumRecords: 1, maximumBytes: 1)
        let elapsed = await ContinuousClock().measure {
            await producer.close()
            await producer.close()
            await reader.close()
        }
        #expect(elapsed < .seconds(20), "\(elapsed)")
        #expect(producer.isClosed && reader.consumer.isClosed)
    }
}
