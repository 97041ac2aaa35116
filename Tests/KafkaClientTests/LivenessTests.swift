import KafkaClient
import Testing

/// What keeps a member in its group, and what throws it out.
@Suite struct LivenessTests {
    @Test func drainingKeepsAnIdleMemberAndSilenceLosesIt() async throws {
        let topic = try await TestBroker.makeTopic("liveness")
        let partition = TopicPartition(topic: topic, partition: 0)
        var configuration = ConsumerConfiguration(
            kafka: try TestBroker.configuration(), groupID: TestBroker.uniqueName("liveness"))
        // Far longer than a loaded machine keeps a test waiting.
        configuration.sessionTimeout = .seconds(12)
        configuration.maxPollInterval = .seconds(12)
        let consumer = try KafkaConsumer(configuration, logger: TestBroker.logger)
        try consumer.subscribe(to: [topic])
        try await poll {
            for case .assigned(let partitions) in consumer.drain(maximumRecords: 1, maximumBytes: 1) {
                try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, Int64?.none) }))
            }
            return consumer.assignment == [partition]
        }
        // Longer than the interval without a record, drained at less than half of it.
        for _ in 0..<14 {
            try await Task.sleep(for: .seconds(1))
            for case .revoked(let partitions, let lost) in consumer.drain(maximumRecords: 1, maximumBytes: 1) {
                Issue.record("revoked \(partitions), lost: \(lost)")
            }
        }
        #expect(consumer.assignment == [partition])
        // Now silence for longer than the interval.
        try await Task.sleep(for: .seconds(13))
        var errors: [KafkaError] = []
        var lost: [TopicPartition]?
        try await poll {
            for event in consumer.drain(maximumRecords: 1, maximumBytes: 1) {
                if case .failed(let error) = event { errors.append(error) }
                if case .revoked(let partitions, lost: true) = event {
                    lost = partitions
                    try consumer.unassign()
                }
            }
            return lost != nil
        }
        #expect(lost == [partition])
        #expect(errors.contains { $0.name == "_MAX_POLL_EXCEEDED" && !$0.isFatal }, "\(errors)")
        await consumer.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aCommitDuringAnOutageFailsAndClosingStaysQuick() async throws {
        let cluster = try EmbeddedCluster()
        try cluster.createTopic("t", partitions: 1)
        let partition = TopicPartition(topic: "t", partition: 0)
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(
                kafka: KafkaConfiguration(bootstrapServers: cluster.bootstrapServers), groupID: "outage"),
            logger: TestBroker.logger)
        try consumer.assign([partition: 0])
        try await consumer.commit([partition: 1])
        try cluster.setBroker(1, isUp: false)
        let error = await #expect(throws: KafkaError.self) { try await consumer.commit([partition: 2]) }
        #expect(error?.isRetriable == true, "\(String(describing: error))")
        try cluster.setBroker(1, isUp: true)
        try await poll {
            do {
                try await consumer.commit([partition: 3])
                // The commit that failed may still have been under way, and land behind this one.
                return try await consumer.committed([partition]) == [partition: 3]
            } catch let error as KafkaError {
                #expect(error.isRetriable, "\(error)")
                return false
            }
        }
        try cluster.setBroker(1, isUp: false)
        let elapsed = await ContinuousClock().measure { await consumer.close(deadline: .seconds(1)) }
        #expect(elapsed < .seconds(20), "\(elapsed)")
        cluster.stop()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aMovedCoordinatorIsFollowed() async throws {
        let cluster = try EmbeddedCluster(brokerCount: 3)
        try cluster.createTopic("t", partitions: 1)
        let partition = TopicPartition(topic: "t", partition: 0)
        let kafka = try KafkaConfiguration(bootstrapServers: cluster.bootstrapServers)
        let producer = try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: kafka), transactionalID: "moving"),
            logger: TestBroker.logger)
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: kafka, groupID: "moving"), logger: TestBroker.logger)
        try await producer.initTransactions()
        for broker in [1, 2, 3] as [Int32] {
            try cluster.moveCoordinator(of: .transaction("moving"), to: broker)
            try cluster.moveCoordinator(of: .group("moving"), to: broker)
            try cluster.setLeader(of: partition, broker: broker)
            let outcome = await producer.transaction(
                records: [ProducerRecord(topic: "t", partition: 0, value: [1])],
                offsets: [partition: Int64(broker)], group: try consumer.groupMetadata())
            guard case .committed = outcome else {
                Issue.record("\(outcome)")
                continue
            }
        }
        await producer.close()
        await consumer.close()
        cluster.stop()
    }
}
