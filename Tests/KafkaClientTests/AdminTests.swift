import Foundation
import KafkaClient
import Testing

@Suite struct AdminTests {
    private static func withAdmin(_ body: (KafkaAdmin) async throws -> Void) async throws {
        let admin = try KafkaAdmin(TestBroker.configuration(), timeout: .seconds(10), logger: TestBroker.logger)
        do {
            try await body(admin)
        } catch {
            await admin.close()
            throw error
        }
        await admin.close()
        await #expect(throws: KafkaError.self) { try await admin.metadata() }
    }

    @Test func metadataNamesBrokersTopicsAndLeaders() async throws {
        let topic = try await TestBroker.makeTopic("metadata", partitions: 3)
        try await Self.withAdmin { admin in
            let metadata = try await admin.metadata()
            #expect(!metadata.brokers.isEmpty)
            #expect(metadata.clusterID?.isEmpty == false)
            let found = try #require(metadata.topics[topic])
            #expect(found.partitions.map(\.id) == [0, 1, 2])
            let brokers = Set(metadata.brokers.map(\.id))
            for partition in found.partitions {
                #expect(partition.leader.map { brokers.contains($0) } == true)
                #expect(!partition.replicas.isEmpty)
            }
            let one = try await admin.metadata(topic: topic)
            #expect(Array(one.topics.keys) == [topic])
            #expect(one.topics[topic]?.topicPartitions == (0..<3).map { TopicPartition(topic: topic, partition: $0) })
        }
    }

    @Test func offsetsSpanTheRecords() async throws {
        let topic = try await TestBroker.makeTopic("offsets", partitions: 2)
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        // Of today: a broker deletes what is older than its retention, at any moment.
        let base = Int64(Date().timeIntervalSince1970 * 1000)
        let records = (0..<7).map {
            ProducerRecord(topic: topic, partition: $0 % 2, value: [0], timestamp: base + Int64($0))
        }
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close()
        let partitions = (0..<2).map { TopicPartition(topic: topic, partition: $0) }
        try await Self.withAdmin { admin in
            #expect(try await admin.offsets(of: partitions, at: .earliest) == [partitions[0]: 0, partitions[1]: 0])
            #expect(try await admin.offsets(of: partitions, at: .latest) == [partitions[0]: 4, partitions[1]: 3])
            guard !TestBroker.isEmbedded else { return }  // It answers no times.
            let atTime = try await admin.offsets(of: partitions, at: .timestamp(base + 4))
            #expect(atTime == [partitions[0]: 2, partitions[1]: 2])
            let after = try await admin.offsets(of: partitions, at: .timestamp(base + 6))
            #expect(after == [partitions[0]: 3, partitions[1]: nil])
        }
    }

    @Test func committedOffsetsOfAGroupAreSeenFromOutside() async throws {
        let topic = try await TestBroker.makeTopic("committed", partitions: 2)
        let group = TestBroker.uniqueName("committed-group")
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: TestBroker.configuration(), groupID: group), logger: TestBroker.logger)
        let partitions = (0..<2).map { TopicPartition(topic: topic, partition: $0) }
        try consumer.assign([partitions[0]: 0])
        try await consumer.commit([partitions[0]: 17])
        await consumer.close()
        try await Self.withAdmin { admin in
            let committed = try await admin.committedOffsets(ofGroup: group, partitions: partitions)
            #expect(committed == [partitions[0]: 17, partitions[1]: nil])
            await #expect(throws: KafkaError.self) { try await admin.committedOffsets(ofGroup: "") }
            guard !TestBroker.isEmbedded else { return }
            #expect(try await admin.committedOffsets(ofGroup: group) == [partitions[0]: 17])
            try await admin.setCommittedOffsets(ofGroup: group, [partitions[0]: 3])
            #expect(try await admin.committedOffsets(ofGroup: group) == [partitions[0]: 3])
            #expect(try await admin.describeGroup(group).members.isEmpty)
        }
    }

    @Test(.disabled(if: TestBroker.isEmbedded, "the embedded cluster answers no admin calls"))
    func topicsAreCreatedOnceAndDeleted() async throws {
        let name = TestBroker.uniqueName("created")
        let topic = NewTopic(
            name: name, partitions: 2, replicationFactor: 1, configuration: ["cleanup.policy": "compact"])
        try await Self.withAdmin { admin in
            #expect(try await admin.createTopics([topic]) == [name: .created])
            #expect(try await admin.createTopics([topic]) == [name: .alreadyExisted])
            await #expect { try await admin.createTopics([topic], toleratesExisting: false) } throws: {
                ($0 as? KafkaError)?.isTopicAlreadyExists == true
            }
            try await admin.deleteTopics([name])
        }
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func anUnsupportedCallIsAnErrorInTime() async throws {
        let admin = try KafkaAdmin(
            TestBroker.configuration(), timeout: .milliseconds(300), logger: TestBroker.logger)
        let error = await #expect(throws: KafkaError.self) {
            try await admin.createTopics([NewTopic(name: "new", partitions: 1)])
        }
        #expect(error?.operation == "create topics")
        #expect(error?.isUnsupported == true || error?.isTimeout == true, "\(String(describing: error))")
        await admin.close()
    }

    @Test func anUnreachableClusterIsATimeout() async throws {
        let admin = try KafkaAdmin(
            KafkaConfiguration(bootstrapServers: "127.0.0.1:1"), timeout: .milliseconds(300), logger: TestBroker.logger)
        let error = await #expect(throws: KafkaError.self) { try await admin.metadata() }
        #expect(error?.isTimeout == true || error?.isConnectionFailure == true, "\(String(describing: error))")
        await admin.close()
    }
}
