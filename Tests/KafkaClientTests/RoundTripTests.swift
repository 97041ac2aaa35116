import KafkaClient
import Testing

@Suite struct RoundTripTests {
    @Test func everyKindOfBytesComesBack() async throws {
        let topic = try await TestBroker.makeTopic("bytes")
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: TestBroker.configuration()), logger: TestBroker.logger)
        let notUTF8: ArraySlice<UInt8> = [0xFF, 0x00, 0xFE, 0x80]
        let records = [
            ProducerRecord(
                topic: topic, partition: 0, key: ArraySlice("key".utf8), value: ArraySlice("value".utf8),
                headers: [
                    KafkaHeader(name: "text", text: "one"), KafkaHeader(name: "text", text: "two"),
                    KafkaHeader(name: "null", value: nil), KafkaHeader(name: "empty", value: []),
                    KafkaHeader(name: "bytes", value: notUTF8), KafkaHeader(name: "", text: "no name"),
                    KafkaHeader(name: "a header name of more than fifteen bytes é", text: "long"),
                ], timestamp: 1_700_000_000_123),
            ProducerRecord(topic: topic, partition: 0, key: nil, value: nil),
            ProducerRecord(topic: topic, partition: 0, key: [], value: []),
            ProducerRecord(topic: topic, partition: 0, key: notUTF8, value: notUTF8),
        ]
        let reports = try await producer.produce(records)
        for (index, report) in reports.enumerated() {
            let (topicPartition, offset) = try report.get()
            #expect(topicPartition == TopicPartition(topic: topic, partition: 0))
            #expect(offset == Int64(index))
        }
        await producer.close()

        let reader = try TestReader(topic, partitions: 1)
        let read = try await reader.records(4)
        await reader.close()
        #expect(read.map(\.offset) == [0, 1, 2, 3])
        #expect(read.map(\.key) == records.map(\.key))
        #expect(read.map(\.value) == records.map(\.value))
        #expect(read[0].headers == records[0].headers)
        #expect(read[0].timestamp == 1_700_000_000_123)
        #expect(read[1].headers.isEmpty)
        let produced = try #require(read[1].timestamp)
        #expect(produced > 1_700_000_000_123)
        #expect(read[0].headers.lastValue(named: "text") == ArraySlice("two".utf8))
    }
}
