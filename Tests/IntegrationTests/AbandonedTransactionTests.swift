import Foundation
import KafkaClient
import Serving
import Testing

/// Locked offsets exist on real brokers only.
@Suite(.enabled(if: ExactlyOnceTests.hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
struct AbandonedTransactionTests {
    let group = "abandoned-\(UUID().uuidString.prefix(8))"

    func kafka(clientID: String = "millrace-test") throws -> KafkaConfiguration {
        try KafkaConfiguration(bootstrapServers: try TestBroker.start().bootstrapServers, clientID: clientID)
    }

    func producer(_ instance: String) throws -> TransactionalProducer {
        let id = AbandonedTransactions.transactionalID(group: group, instanceID: instance)
        return try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: try kafka()), transactionalID: id), logger: .quiet)
    }

    func makeTopic() async throws -> TopicPartition {
        let topic = "abandoned-\(UUID().uuidString.prefix(8))"
        try await TestBroker.start().createTopic(topic, partitions: 1)
        let writer = try KafkaProducer(ProducerConfiguration(kafka: try kafka()), logger: .quiet)
        for report in try await writer.produce((0..<10).map { ProducerRecord(topic: topic, value: [$0]) }) {
            _ = try report.get()
        }
        await writer.close()
        return TopicPartition(topic: topic, partition: 0)
    }

    func member(of partition: TopicPartition, instance: String) async throws -> KafkaConsumer {
        let role = AbandonedTransactions.memberRole(instanceID: instance)
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: try kafka(clientID: "millrace-\(role)"), groupID: group), logger: .quiet)
        try consumer.subscribe(to: [partition.topic])
        try await eventually {
            for case .assigned(let partitions) in consumer.drain(maximumRecords: 1, maximumBytes: 1) {
                try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, nil) }))
                return true
            }
            return false
        }
        return consumer
    }

    /// A committed transaction up to offset 3, and another up to 7 that stays open.
    func leaveOpen(_ partition: TopicPartition, _ producer: TransactionalProducer, _ member: KafkaConsumer) async throws
    {
        try await producer.initTransactions()
        let membership = try member.groupMetadata()
        guard case .committed = await producer.transaction(records: [], offsets: [partition: 3], group: membership)
        else {
            Issue.record("the first transaction was not committed")
            return
        }
        try await eventually { (try? await member.committed([partition], timeout: .seconds(1))) == [partition: 3] }
        try producer.begin()
        try await producer.sendOffsets([partition: 7], group: membership)
    }

    func released(
        _ partition: TopicPartition, by consumer: KafkaConsumer, for duration: Duration
    ) async throws -> Bool {
        let admin = try KafkaAdmin(try kafka(), logger: .quiet)
        let abandoned = AbandonedTransactions(
            group: group, instanceID: "alive", consumer: consumer, admin: admin, logger: .quiet
        ) { id in
            let successor = try producer(String(id.dropFirst(group.utf8.count + 1)))
            try await successor.initTransactions()
            await successor.close(deadline: .seconds(2))
        }
        let task = Task { await abandoned.release([partition]) }
        let timer = Task {
            try await Task.sleep(for: duration)
            task.cancel()
        }
        await task.value
        timer.cancel()
        let committed = try? await consumer.committed([partition], timeout: .milliseconds(500))
        await admin.close(deadline: .seconds(2))
        return committed == [partition: 3]
    }

    /// The broker would take half a minute.
    @Test(.timeLimit(.minutes(1))) func theTransactionOfADeadInstanceIsEnded() async throws {
        let partition = try await makeTopic()
        let dead = try producer("dead")
        let member = try await member(of: partition, instance: "dead")
        try await leaveOpen(partition, dead, member)
        await member.close()
        await dead.close(deadline: .zero)
        let heir = try await self.member(of: partition, instance: "alive")
        #expect(try await released(partition, by: heir, for: .seconds(15)))
        await heir.close()
    }

    @Test(.timeLimit(.minutes(1))) func aLiveMemberIsLeftAlone() async throws {
        let partition = try await makeTopic()
        let other = try producer("other")
        let member = try await member(of: partition, instance: "other")
        try await leaveOpen(partition, other, member)
        let observer = try KafkaConsumer(
            ConsumerConfiguration(kafka: try kafka(), groupID: group), logger: .quiet)
        #expect(try await !released(partition, by: observer, for: .seconds(4)))
        // It was not fenced: its transaction still commits.
        try await other.commit()
        try await eventually { (try? await observer.committed([partition], timeout: .seconds(1))) == [partition: 7] }
        await observer.close()
        await member.close()
        await other.close()
    }
}
