import KafkaClient
import Testing

@Suite struct RangeReaderTests {
    /// A topic with the values 0, 1, … in each partition.
    private static func filledTopic(partitions: Int32, count: UInt8) async throws -> [TopicPartition] {
        let topic = try await TestBroker.makeTopic("range", partitions: Int(partitions))
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        let records = (0..<partitions).flatMap { partition in
            (0..<count).map { ProducerRecord(topic: topic, partition: partition, value: [$0]) }
        }
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close()
        return (0..<partitions).map { TopicPartition(topic: topic, partition: $0) }
    }

    private static func reader() throws -> RangeReader {
        try RangeReader(
            ConsumerConfiguration(kafka: TestBroker.configuration(), groupID: TestBroker.uniqueName("range")),
            logger: TestBroker.logger)
    }

    private static func all(_ reader: RangeReader, atOnce: Int = 5000) async throws -> [TopicPartition: [Int64]] {
        var offsets: [TopicPartition: [Int64]] = [:]
        while let records = try await reader.next(patience: .seconds(90), maximumRecords: atOnce) {
            #expect(!records.isEmpty)
            for record in records {
                #expect(record.value.map(Array.init) == [UInt8(record.offset)])
                offsets[record.topicPartition, default: []].append(record.offset)
            }
        }
        return offsets
    }

    @Test func readsEachRangeToItsBound() async throws {
        let partitions = try await Self.filledTopic(partitions: 3, count: 20)
        let reader = try Self.reader()
        try await reader.start([partitions[0]: 0..<20, partitions[1]: 5..<6, partitions[2]: 7..<7])
        #expect(try await Self.all(reader, atOnce: 3) == [partitions[0]: Array(0..<20), partitions[1]: [5]])
        // Read is read; another start reads again.
        #expect(try await reader.next() == nil)
        try await reader.start([partitions[2]: 18..<20])
        #expect(try await Self.all(reader) == [partitions[2]: [18, 19]])
        await reader.close()
    }

    @Test func aRangeOutsideTheLogIsRefused() async throws {
        let partitions = try await Self.filledTopic(partitions: 1, count: 4)
        let reader = try Self.reader()
        let error = await #expect(throws: RangeError.self) { try await reader.start([partitions[0]: 2..<5]) }
        #expect(error == .outsideLog(partitions[0], requested: 2..<5, kept: 0..<4))
        #expect(error?.description.hasSuffix("offsets 2 to 5 were asked for, the log holds 0 to 4") == true)
        await reader.close()
    }

    /// The embedded cluster keeps no markers, so only a real broker ends a range with something that nobody sees.
    @Test(.enabled(if: !TestBroker.isEmbedded, "needs MILLRACE_TEST_BOOTSTRAP"))
    func aRangeEndsWhereOnlyAMarkerFollows() async throws {
        let partitions = try await Self.filledTopic(partitions: 1, count: 3)
        let producer = try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: TestBroker.configuration()),
                transactionalID: TestBroker.uniqueName("range")),
            logger: TestBroker.logger)
        try await producer.initTransactions()
        try producer.begin()
        try await producer.produce([ProducerRecord(topic: partitions[0].topic, partition: 0, value: [3])])
        try await producer.commit()
        await producer.close()
        let reader = try Self.reader()
        // The marker is written after the commit has been answered; until then the log ends before the transaction.
        try await poll { (try? await reader.start([partitions[0]: 0..<5])) != nil }
        #expect(try await Self.all(reader) == [partitions[0]: [0, 1, 2, 3]])
        await reader.close()
    }
}
