import KafkaClient
import Testing

/// What becomes of a transaction when one of its requests is answered with an error: each request, each kind of error.
///
/// The codes are Kafka's (`org.apache.kafka.common.protocol.Errors`). A retriable one must not be noticed, an abortable one
/// costs the transaction and not the producer, a fatal one ends the producer.
@Suite(.enabled(if: TestBroker.isEmbedded, "a real broker answers with errors of its own choice only"))
struct TransactionFaultTests {
    typealias Fault = EmbeddedCluster.Fault

    enum Step: String, Sendable {
        case addPartitions, produce, addOffsets, commitOffsets, commit, abort

        var request: EmbeddedCluster.Request {
            switch self {
            case .addPartitions: .addPartitionsToTransaction
            case .produce: .produce
            case .addOffsets: .addOffsetsToTransaction
            case .commitOffsets: .transactionOffsetCommit
            case .commit, .abort: .endTransaction
            }
        }
    }

    enum Expectation: Sendable, Equatable {
        case committed, aborted, fatal
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let step: Step
        let fault: Fault
        let expected: Expectation

        var testDescription: String { "\(step.rawValue), error \(fault.rawValue): \(expected)" }
    }

    // A function for each step: their cases mostly wait, 2.0.2 takes a second for every first transaction.

    @Test(.serialized, arguments: cases(.addPartitions))
    func addingPartitions(_ tested: Case) async throws { try await check(tested) }

    @Test(.serialized, arguments: cases(.produce))
    func producing(_ tested: Case) async throws { try await check(tested) }

    @Test(.serialized, arguments: cases(.addOffsets))
    func addingOffsets(_ tested: Case) async throws { try await check(tested) }

    @Test(.serialized, arguments: cases(.commitOffsets))
    func committingOffsets(_ tested: Case) async throws { try await check(tested) }

    @Test(.serialized, arguments: cases(.commit))
    func committing(_ tested: Case) async throws { try await check(tested) }

    /// A transaction that is aborted for another reason.
    @Test(.serialized, arguments: cases(.abort))
    func aborting(_ tested: Case) async throws { try await check(tested) }

    private static func cases(_ step: Step) -> [Case] {
        // Every coordinator's transient errors.
        let coordinator: [Fault] = [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .disconnect]
        let refusal: [Fault] = [.transactionalIDAuthorizationFailed, .invalidTransactionState]
        let forgotten: [Fault] = [.unknownProducerID, .invalidProducerIDMapping]
        let (retriable, abortable, fatal): ([Fault], [Fault], [Fault]) =
            switch step {
            case .addPartitions:
                (
                    coordinator + [.concurrentTransactions], forgotten + [.topicAuthorizationFailed],
                    refusal + [.invalidProducerEpoch, .producerFenced]
                )
            case .produce:
                (
                    [.notLeaderForPartition, .notEnoughReplicas, .requestTimedOut, .disconnect],
                    // Not a refused topic: the client would remember it until it next asks for metadata.
                    [.messageTooLarge, .invalidRecord], [.invalidProducerEpoch]
                )
            // To the old versions of these two requests that 2.0.2 sends, brokers answer INVALID_PRODUCER_EPOCH instead
            // of PRODUCER_FENCED.
            case .addOffsets:
                (
                    coordinator + [.concurrentTransactions], forgotten + [.groupAuthorizationFailed],
                    refusal + [.invalidProducerEpoch]
                )
            case .commitOffsets:
                (
                    coordinator + [.requestTimedOut],
                    [.illegalGeneration, .unknownMember, .fencedInstance, .groupAuthorizationFailed],
                    refusal + [.invalidProducerEpoch]
                )
            case .commit, .abort:
                (
                    coordinator + [.concurrentTransactions], forgotten,
                    refusal + [.invalidProducerEpoch, .producerFenced]
                )
            }
        return retriable.map { Case(step: step, fault: $0, expected: step == .abort ? .aborted : .committed) }
            + abortable.map { Case(step: step, fault: $0, expected: .aborted) }
            + fatal.map { Case(step: step, fault: $0, expected: .fatal) }
    }

    private func check(_ tested: Case) async throws {
        let setup = try await Setup()
        // Not the first one, which also looks for its coordinator.
        try await #expect(setup.transaction() == .committed)
        if tested.step == .abort {
            try setup.cluster.pushRequestErrors(.transactionOffsetCommit, [.illegalGeneration])
        }
        try setup.cluster.pushRequestErrors(tested.step.request, [tested.fault])
        try await #expect(setup.transaction() == tested.expected)
        switch tested.expected {
        case .committed: try await #expect(setup.transaction() == .committed)
        case .aborted:
            // Version 2.0.2 often aborts the following one too, never more than that.
            var outcomes = [try await setup.transaction()]
            while outcomes.last != .committed, outcomes.count < 3 { outcomes.append(try await setup.transaction()) }
            #expect(outcomes.last == .committed, "\(outcomes)")
        case .fatal: try await #expect(setup.transaction() == .fatal)
        }
        await setup.close()
    }

    @Test(arguments: [Fault.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .disconnect])
    func initialisingWaitsOutATransientFault(_ fault: Fault) async throws {
        let setup = try await Setup(initFaults: [fault])
        try await #expect(setup.transaction() == .committed)
        await setup.close()
    }

    @Test(arguments: [Fault.transactionalIDAuthorizationFailed, .producerFenced])
    func initialisingThatIsRefusedIsFatal(_ fault: Fault) async throws {
        let error = await #expect(throws: KafkaError.self) { _ = try await Setup(initFaults: [fault]) }
        #expect(error?.isFatal == true, "\(String(describing: error))")
    }

    /// A cluster, a producer that is ready, and a consumer whose membership the offsets go under.
    private struct Setup {
        let cluster: EmbeddedCluster
        let producer: TransactionalProducer
        let consumer: KafkaConsumer

        init(initFaults: [Fault] = []) async throws {
            cluster = try EmbeddedCluster()
            try cluster.createTopic("in", partitions: 1)
            try cluster.createTopic("out", partitions: 1)
            let kafka = try KafkaConfiguration(bootstrapServers: cluster.bootstrapServers)
            var output = ProducerConfiguration(kafka: kafka)
            output.linger = .milliseconds(1)
            producer = try TransactionalProducer(
                TransactionalProducerConfiguration(producer: output, transactionalID: "service-0"),
                logger: TestBroker.logger)
            consumer = try KafkaConsumer(
                ConsumerConfiguration(kafka: kafka, groupID: "group"), logger: TestBroker.logger)
            try cluster.pushRequestErrors(.initProducerID, initFaults)
            do {
                try await producer.initTransactions()
            } catch {
                await close()
                throw error
            }
        }

        func close() async {
            await producer.close(deadline: .seconds(2))
            await consumer.close(deadline: .seconds(2))
            cluster.stop()
        }

        func transaction() async throws -> Expectation {
            let outcome = await producer.transaction(
                records: [ProducerRecord(topic: "out", partition: 0, value: [1])],
                offsets: [TopicPartition(topic: "in", partition: 0): 5], group: try consumer.groupMetadata())
            return switch outcome {
            case .committed: .committed
            case .aborted: .aborted
            case .fatal: .fatal
            }
        }
    }
}
