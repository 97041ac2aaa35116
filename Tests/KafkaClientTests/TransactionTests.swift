import KafkaClient
import Testing

@Suite struct TransactionTests {
    /// A cluster, a producer that is ready, and a consumer whose membership the offsets go under.
    private struct Setup {
        let cluster: EmbeddedCluster
        let producer: TransactionalProducer
        let consumer: KafkaConsumer
        let offsets = [TopicPartition(topic: "in", partition: 0): Int64(5)]
        var group: ConsumerGroupMetadata { get throws { try consumer.groupMetadata() } }

        init(configure: (inout TransactionalProducerConfiguration) -> Void = { _ in }) async throws {
            cluster = try EmbeddedCluster()
            try cluster.createTopic("in", partitions: 1)
            try cluster.createTopic("out", partitions: 1)
            let kafka = try KafkaConfiguration(bootstrapServers: cluster.bootstrapServers)
            var configuration = TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: kafka), transactionalID: "service-0")
            configure(&configuration)
            producer = try TransactionalProducer(configuration, logger: TestBroker.logger)
            consumer = try KafkaConsumer(
                ConsumerConfiguration(kafka: kafka, groupID: "group"), logger: TestBroker.logger)
            try await producer.initTransactions()
        }

        func close() async {
            await producer.close()
            await consumer.close()
            cluster.stop()
        }

        func transaction(_ records: [ProducerRecord] = [ProducerRecord(topic: "out", value: [1])]) async throws
            -> TransactionOutcome
        {
            try await producer.transaction(records: records, offsets: offsets, group: group)
        }
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func commitsOneAfterTheOther() async throws {
        let setup = try await Setup()
        for _ in 0..<5 { try await expectCommitted(setup.transaction()) }
        // Nothing to write is a transaction too, as when every record of a batch was filtered.
        try await expectCommitted(setup.transaction([]))
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aStaleGenerationAborts() async throws {
        let setup = try await Setup()
        try setup.cluster.pushRequestErrors(.transactionOffsetCommit, [.illegalGeneration])
        let outcome = try await setup.transaction()
        guard case .aborted(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.isGroupGenerationOver, "\(error)")
        // The producer goes on.
        try await expectCommitted(setup.transaction())
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aBusyCoordinatorIsRetriedInside() async throws {
        let setup = try await Setup()
        try setup.cluster.pushRequestErrors(.endTransaction, [.concurrentTransactions, .concurrentTransactions])
        try await expectCommitted(setup.transaction())
        try setup.cluster.pushRequestErrors(.endTransaction, [.coordinatorLoadInProgress])
        try setup.cluster.pushRequestErrors(.transactionOffsetCommit, [.coordinatorLoadInProgress])
        try setup.cluster.pushRequestErrors(.addPartitionsToTransaction, [.concurrentTransactions])
        try await expectCommitted(setup.transaction())
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aFencedProducerIsFatal() async throws {
        let setup = try await Setup()
        try setup.cluster.pushRequestErrors(.endTransaction, [.producerFenced])
        let outcome = try await setup.transaction()
        guard case .fatal(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.isFenced, "\(error)")
        // And stays so, whatever is asked next.
        let next = try await setup.transaction()
        guard case .fatal = next else {
            Issue.record("\(next)")
            return
        }
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func anOversizeRecordAbortsAndIsNamed() async throws {
        let setup = try await Setup { $0.producer.maximumRecordBytes = 5000 }
        let outcome = try await setup.transaction([
            ProducerRecord(topic: "out", value: [1]),
            ProducerRecord(topic: "out", value: ArraySlice(repeating: 0, count: 9000)),
            ProducerRecord(topic: "out", value: [3]),
        ])
        guard case .aborted(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.isMessageTooLarge)
        #expect(error.recordIndex == 1)
        try await expectCommitted(setup.transaction())
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aRecordThatTheBrokerRefusesAbortsWithItsOwnReason() async throws {
        let setup = try await Setup()
        try setup.cluster.pushRequestErrors(.produce, [.messageTooLarge])
        let outcome = try await setup.transaction()
        guard case .aborted(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.isMessageTooLarge, "\(error)")
        #expect(error.recordIndex == 0)
        // The hole that the record left in the sequence may cost version 2.0.2 one more transaction.
        var next = try await setup.transaction()
        if case .aborted = next { next = try await setup.transaction() }
        expectCommitted(next)
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func aQueueSmallerThanTheTransactionIsWaitedFor() async throws {
        let setup = try await Setup {
            $0.producer.maximumQueuedRecords = 10
            $0.producer.linger = .milliseconds(1)
        }
        try await expectCommitted(
            setup.transaction((0..<200).map { ProducerRecord(topic: "out", partition: 0, value: [$0]) }))
        await setup.close()
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func misuseIsFatalAndNeverHangs() async throws {
        let setup = try await Setup()
        try setup.producer.begin()
        // A transaction within one.
        let outcome = try await setup.transaction()
        guard case .fatal = outcome else {
            Issue.record("\(outcome)")
            return
        }
        // An open transaction does not keep the producer from closing.
        try await setup.producer.produce([ProducerRecord(topic: "out", value: [1])])
        let elapsed = await ContinuousClock().measure { await setup.producer.close(deadline: .seconds(5)) }
        #expect(elapsed < .seconds(20), "\(elapsed)")
        await setup.close()
    }

    /// On any cluster: the calls themselves, with offsets of a manual consumer.
    @Test func recordsOfACommittedTransactionAreRead() async throws {
        let topic = try await TestBroker.makeTopic("transaction")
        let producer = try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: TestBroker.configuration()),
                transactionalID: TestBroker.uniqueName("transactional-id")),
            logger: TestBroker.logger)
        try await producer.initTransactions()
        let reader = try TestReader(topic, partitions: 1)
        let group = try reader.consumer.groupMetadata()
        for value in UInt8(0)..<3 {
            let outcome = await producer.transaction(
                records: [ProducerRecord(topic: topic, partition: 0, value: [value])],
                offsets: [TopicPartition(topic: topic, partition: 0): Int64(value)], group: group)
            expectCommitted(outcome)
        }
        #expect(try await reader.records(3).map(\.value) == [[0], [1], [2]])
        await producer.close()
        await reader.close()
    }

    private func expectCommitted(_ outcome: TransactionOutcome, sourceLocation: SourceLocation = #_sourceLocation) {
        guard case .committed = outcome else {
            Issue.record("\(outcome)", sourceLocation: sourceLocation)
            return
        }
    }
}
