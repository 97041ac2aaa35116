import KafkaClient
import Synchronization
import Testing

@Suite struct DrainTests {
    /// Topic of 10,000 records over four partitions; value = its number, as text.
    private static func fill(_ topic: String, partitions: Int32, count: Int) async throws {
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        let reports = try await producer.produce(
            (0..<count).map {
                ProducerRecord(
                    topic: topic, partition: Int32($0) % partitions, key: ArraySlice("k\($0)".utf8),
                    value: ArraySlice("value \($0)".utf8), headers: [KafkaHeader(name: "number", text: "\($0)")])
            })
        for report in reports { _ = try report.get() }
        await producer.close()
    }

    @Test func drainsTenThousandRecordsInOrderWithinItsLimits() async throws {
        let (count, partitions) = (10_000, Int32(4))
        let topic = try await TestBroker.makeTopic("bulk", partitions: Int(partitions))
        try await Self.fill(topic, partitions: partitions, count: count)
        let reader = try TestReader(topic, partitions: partitions)
        var next = [Int32: Int]()
        var received = 0
        var sizes: Set<Int> = []
        try await poll {
            for event in reader.consumer.drain(maximumRecords: 777, maximumBytes: 1 << 20) {
                guard case .records(let records) = event else { continue }
                #expect(records.count <= 777)
                sizes.insert(records.count)
                for record in records {
                    let partition = record.topicPartition.partition
                    let index = next[partition, default: 0]
                    let number = index * Int(partitions) + Int(partition)
                    try #require(record.offset == Int64(index))
                    try #require(record.value == ArraySlice("value \(number)".utf8))
                    try #require(record.key == ArraySlice("k\(number)".utf8))
                    try #require(record.headers == [KafkaHeader(name: "number", text: "\(number)")])
                    next[partition] = index + 1
                    received += 1
                }
            }
            return received >= count
        }
        #expect(received == count)
        #expect(sizes.contains(777), "the limit was never reached: \(sizes)")
        await reader.close()
    }

    @Test func theByteLimitEndsADrainWithTheRecordThatReachesIt() async throws {
        let topic = try await TestBroker.makeTopic("bytes-limit")
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        let value = ArraySlice([UInt8](repeating: 7, count: 1000))
        for report in try await producer.produce(
            Array(repeating: ProducerRecord(topic: topic, partition: 0, value: value), count: 50))
        {
            _ = try report.get()
        }
        await producer.close()
        let reader = try TestReader(topic, partitions: 1)
        var sizes: [Int] = []
        try await poll {
            for case .records(let records) in reader.consumer.drain(maximumRecords: 1000, maximumBytes: 2500) {
                sizes.append(records.count)
            }
            return sizes.reduce(0, +) == 50
        }
        #expect(sizes.max() == 3)
        await reader.close()
    }

    @Test func neighboursOfOneDrainShareTheirMemory() async throws {
        let topic = try await TestBroker.makeTopic("slab")
        try await Self.fill(topic, partitions: 1, count: 200)
        let reader = try TestReader(topic, partitions: 1)
        var batch: [KafkaRecord] = []
        try await poll {
            for case .records(let records) in reader.consumer.drain(maximumRecords: 200, maximumBytes: 1 << 20) {
                batch = records
            }
            return batch.count > 1
        }
        // Each part lies behind the one before it in the same memory.
        var end: UnsafeRawPointer?
        for record in batch {
            #expect(record.isKnownNeighbour(of: batch[0]))
            for slice in try [#require(record.key), #require(record.value), #require(record.headers[0].value)] {
                try slice.withUnsafeBytes { bytes in
                    let address = try UnsafeRawPointer(#require(bytes.baseAddress))
                    if let end { try #require(address >= end && address - end < 1024) }
                    end = address + bytes.count
                }
            }
        }
        await reader.close()
    }

    @Test func wakesWhenRecordsArriveAndWhenALimitLeftSome() async throws {
        let topic = try await TestBroker.makeTopic("wake")
        let wakes = Mutex(0)
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: TestBroker.configuration(), groupID: TestBroker.uniqueName("wake")),
            logger: TestBroker.logger
        ) { wakes.withLock { $0 += 1 } }
        try consumer.assign([TopicPartition(topic: topic, partition: 0): 0])
        _ = consumer.drain(maximumRecords: 1, maximumBytes: 1)
        wakes.withLock { $0 = 0 }
        try await Self.fill(topic, partitions: 1, count: 3)
        try await poll { wakes.withLock { $0 } > 0 }
        // From here on only wakes lead to drains.
        var received = 0
        try await poll {
            guard
                wakes.withLock({ count in
                    defer { count = 0 }; return count > 0
                })
            else { return false }
            for case .records(let records) in consumer.drain(maximumRecords: 1, maximumBytes: 1 << 20) {
                received += records.count
            }
            return received == 3
        }
        await consumer.close()
        #expect(consumer.drain(maximumRecords: 1, maximumBytes: 1).isEmpty)
    }

    @Test func theEndOfAPartitionIsReportedWhenAsked() async throws {
        let topic = try await TestBroker.makeTopic("eof")
        try await Self.fill(topic, partitions: 1, count: 5)
        let reader = try TestReader(topic, partitions: 1) { $0.reportsEndOfPartition = true }
        var received = 0
        var ended: TopicPartition?
        try await poll {
            for event in reader.consumer.drain(maximumRecords: 100, maximumBytes: 1 << 20) {
                switch event {
                case .records(let records): received += records.count
                case .endOfPartition(let partition): ended = partition
                case .failed(let error): throw error
                case .assigned, .revoked: Issue.record("there is no group")
                }
            }
            return ended != nil
        }
        #expect(received == 5)
        #expect(ended == TopicPartition(topic: topic, partition: 0))
        await reader.close()
    }
}
