import KafkaClient
import Testing

/// What needs a group: on the embedded cluster each join takes about three seconds, so the tests run side by side.
@Suite struct GroupTests {
    /// A group member that a test drives by hand.
    private final class Member {
        let consumer: KafkaConsumer
        var owned: Set<TopicPartition> = []
        var seen: [TopicPartition: [Int64]] = [:]
        var revocations = 0
        let commits: Bool

        init(group: String, topic: String, commits: Bool = true) throws {
            self.commits = commits
            var configuration = ConsumerConfiguration(kafka: try TestBroker.configuration(), groupID: group)
            configuration.sessionTimeout = .seconds(6)
            consumer = try KafkaConsumer(configuration, logger: TestBroker.logger)
            try consumer.subscribe(to: [topic])
        }

        func step(maximumRecords: Int = 100) async throws {
            for event in consumer.drain(maximumRecords: maximumRecords, maximumBytes: 1 << 20) {
                switch event {
                case .records(let records):
                    var answered: [TopicPartition: Int64] = [:]
                    for record in records {
                        #expect(owned.contains(record.topicPartition), "a record of a partition not assigned")
                        seen[record.topicPartition, default: []].append(record.offset)
                        answered[record.topicPartition] = record.offset + 1
                    }
                    if commits { try await consumer.commit(answered) }
                case .assigned(let partitions):
                    try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, Int64?.none) }))
                    owned = Set(partitions)
                    #expect(consumer.assignment == partitions)
                case .revoked(let partitions, let lost):
                    #expect(Set(partitions) == owned)
                    #expect(!lost)
                    try consumer.unassign()
                    owned = []
                    revocations += 1
                case .failed(let error): #expect(!error.isFatal, "\(error)")
                case .endOfPartition: break
                }
            }
        }
    }

    private static func produce(_ topic: String, partitions: Int32, perPartition: Int) async throws {
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        let records = (0..<partitions).flatMap { partition in
            (0..<perPartition).map {
                ProducerRecord(topic: topic, partition: partition, value: ArraySlice("\($0)".utf8))
            }
        }
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close()
    }

    @Test func aRebalanceHandsOverEveryRecordExactlyOnce() async throws {
        let topic = try await TestBroker.makeTopic("rebalance", partitions: 4)
        try await Self.produce(topic, partitions: 4, perPartition: 50)
        let group = TestBroker.uniqueName("rebalance-group")
        let first = try Member(group: group, topic: topic)
        try await poll {
            try await first.step(maximumRecords: 10)
            return first.seen.values.map(\.count).reduce(0, +) == 200
        }
        #expect(first.owned.count == 4)

        // A second member takes half of the partitions.
        let second = try Member(group: group, topic: topic)
        try await poll {
            try await first.step()
            try await second.step()
            return first.owned.count == 2 && second.owned.count == 2
        }
        #expect(first.revocations >= 1)
        #expect(first.owned.isDisjoint(with: second.owned))
        try await Self.produce(topic, partitions: 4, perPartition: 20)
        try await poll {
            try await first.step()
            try await second.step()
            return (first.seen.values.map(\.count) + second.seen.values.map(\.count)).reduce(0, +) >= 280
        }
        for partition in first.owned.union(second.owned) {
            let offsets = (first.seen[partition] ?? []) + (second.seen[partition] ?? [])
            #expect(offsets == Array(0..<70), "\(partition)")
        }

        // Leaving hands everything to the one that stays.
        await second.consumer.close()
        #expect(second.consumer.isClosed)
        try await poll {
            try await first.step()
            return first.owned.count == 4
        }
        await first.consumer.close()
    }

    @Test func aRestartContinuesAtTheLastAnsweredPlusOne() async throws {
        let topic = try await TestBroker.makeTopic("restart")
        try await Self.produce(topic, partitions: 1, perPartition: 30)
        let partition = TopicPartition(topic: topic, partition: 0)
        let group = TestBroker.uniqueName("restart-group")
        let before = try Member(group: group, topic: topic, commits: false)
        try await poll {
            try await before.step()
            return before.seen[partition]?.count == 30
        }
        // Thirty were delivered, but only those up to offset 11 answered.
        try await before.consumer.commit([partition: 12])
        #expect(try await before.consumer.committed([partition]) == [partition: 12])
        await before.consumer.close()

        let after = try Member(group: group, topic: topic)
        try await poll {
            try await after.step()
            return after.seen[partition]?.last == 29
        }
        #expect(after.seen[partition] == Array(12..<30))
        await after.consumer.close()
    }

    @Test func aGroupWithoutCommitsHasNone() async throws {
        let topic = try await TestBroker.makeTopic("uncommitted")
        let reader = try TestReader(topic, partitions: 1)
        let partition = TopicPartition(topic: topic, partition: 0)
        let committed = try await reader.consumer.committed([partition])
        #expect(committed == [partition: nil])
        await reader.close()
    }

    @Test func batchesOfASimpleReaderComeByThemselves() async throws {
        let topic = try await TestBroker.makeTopic("batches", partitions: 2)
        try await Self.produce(topic, partitions: 2, perPartition: 25)
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: TestBroker.configuration(), groupID: TestBroker.uniqueName("batches")),
            logger: TestBroker.logger)
        try consumer.subscribe(to: [topic])
        var count = 0
        // Without traffic only wakes drive it: the tick is longer than the test.
        for try await batch in consumer.records(tick: .seconds(60), maximumRecords: 7) {
            #expect(batch.count <= 7)
            count += batch.count
            if count == 50 { break }
        }
        #expect(count == 50)

        // Closing ends an iteration that waits.
        let waiting = Task {
            for try await _ in consumer.records(tick: .seconds(60)) {}
            return true
        }
        try await Task.sleep(for: .milliseconds(20))
        await consumer.close()
        #expect(try await waiting.value)
    }

    @Test func cancellingEndsABatchIteration() async throws {
        let topic = try await TestBroker.makeTopic("cancel")
        let reader = try TestReader(topic, partitions: 1)
        let waiting = Task { [consumer = reader.consumer] in
            for try await _ in consumer.records(tick: .seconds(60)) {}
        }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        try await waiting.value
        await reader.close()
    }

    @Test func closingWhileARebalanceAwaitsItsAnswerIsQuick() async throws {
        let topic = try await TestBroker.makeTopic("close-unanswered")
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: TestBroker.configuration(), groupID: TestBroker.uniqueName("unanswered")),
            logger: TestBroker.logger)
        try consumer.subscribe(to: [topic])
        var isAssigned = false
        try await poll {
            for case .assigned in consumer.drain(maximumRecords: 1, maximumBytes: 1) { isAssigned = true }
            return isAssigned
        }
        let elapsed = await ContinuousClock().measure { await consumer.close(deadline: .seconds(10)) }
        #expect(elapsed < .seconds(20), "\(elapsed)")
        let again = await ContinuousClock().measure { await consumer.close(deadline: .seconds(10)) }
        #expect(again < .milliseconds(100))
        #expect(throws: KafkaError.self) { try consumer.subscribe(to: [topic]) }
        await #expect(throws: KafkaError.self) {
            try await consumer.commit([TopicPartition(topic: topic, partition: 0): 1])
        }
    }
}
