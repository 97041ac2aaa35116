import KafkaClient
import Testing

/// Pausing, resuming and seeking must neither skip nor repeat a record.
@Suite struct PositionTests {
    private static func filled(_ purpose: String, count: Int) async throws -> String {
        let topic = try await TestBroker.makeTopic(purpose)
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        let records = (0..<count).map { ProducerRecord(topic: topic, partition: 0, value: ArraySlice("\($0)".utf8)) }
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close()
        return topic
    }

    @Test func pauseAndResumeSkipAndRepeatNothing() async throws {
        let topic = try await Self.filled("pause", count: 3000)
        let partition = TopicPartition(topic: topic, partition: 0)
        let reader = try TestReader(topic, partitions: 1)
        var offsets: [Int64] = []
        var pauses = 0
        try await poll {
            let before = offsets.count
            for case .records(let records) in reader.consumer.drain(maximumRecords: 100, maximumBytes: 1 << 20) {
                offsets += records.map(\.offset)
            }
            // Pause with prefetched records waiting: they must come back.
            if offsets.count > before, offsets.count < 3000 {
                try reader.consumer.pause([partition])
                for case .records(let records) in reader.consumer.drain(maximumRecords: 100, maximumBytes: 1 << 20) {
                    offsets += records.map(\.offset)
                }
                try reader.consumer.resume([partition])
                pauses += 1
            }
            return offsets.count >= 3000
        }
        #expect(offsets == Array(0..<3000))
        #expect(pauses > 5)
        await reader.close()
    }

    @Test func aPausedPartitionStaysSilent() async throws {
        let topic = try await Self.filled("silent", count: 10)
        let partition = TopicPartition(topic: topic, partition: 0)
        let reader = try TestReader(topic, partitions: 1)
        _ = try await reader.records(10)
        try reader.consumer.pause([partition])
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        _ = try await producer.produce([ProducerRecord(topic: topic, partition: 0, value: [1])])
        await producer.close()
        for _ in 0..<30 {
            #expect(reader.consumer.drain(maximumRecords: 10, maximumBytes: 1 << 20).isEmpty)
            try await Task.sleep(for: .milliseconds(10))
        }
        try reader.consumer.resume([partition])
        #expect(try await reader.records(1).map(\.offset) == [10])
        await reader.close()
    }

    @Test func seekRewindsAndSkipsExactly() async throws {
        let topic = try await Self.filled("seek", count: 1000)
        let partition = TopicPartition(topic: topic, partition: 0)
        let reader = try TestReader(topic, partitions: 1)
        for target in [0, 500, 999, 1, 0, 250] as [Int64] {
            try await reader.consumer.seek([partition: target])
            let offsets = try await reader.records(Int(min(1000 - target, 150)), perDrain: 50).map(\.offset)
            #expect(offsets.elementsEqual(target..<(target + Int64(offsets.count))), "seek to \(target)")
        }
        // A rewind while paused, as back-pressure and an aborted transaction may coincide.
        try reader.consumer.pause([partition])
        try await reader.consumer.seek([partition: 700])
        try reader.consumer.resume([partition])
        #expect(try await reader.records(300).map(\.offset) == Array(700..<1000))
        await reader.close()
    }

    @Test func seekNamesAPartitionThatIsNotAssigned() async throws {
        let topic = try await Self.filled("not-assigned", count: 1)
        let reader = try TestReader(topic, partitions: 1)
        await #expect {
            try await reader.consumer.seek([TopicPartition(topic: topic, partition: 3): 0])
        } throws: { error in
            "\(error)".contains("\(topic)/3")
        }
        await #expect(throws: KafkaError.self) {
            try await reader.consumer.seek([TopicPartition(topic: topic, partition: 0): -5])
        }
        await reader.close()
    }

    @Test func watermarksSpanTheRecords() async throws {
        let topic = try await Self.filled("watermarks", count: 42)
        let reader = try TestReader(topic, partitions: 1)
        let (low, high) = try await reader.consumer.watermarks(TopicPartition(topic: topic, partition: 0))
        #expect((low, high) == (0, 42))
        await reader.close()
    }
}
