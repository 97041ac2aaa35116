import KafkaClient
import Testing

@testable import Serving

@Suite struct DeadLetterRecordTests {
    private static let source = TopicPartition(topic: "requests", partition: 2)

    /// The dead letter of a record, as it is read back.
    private func letter(of record: KafkaRecord, at offset: Int64 = 40, maximumBytes: Int? = nil) throws
        -> DeadLetterRecord
    {
        var writer = ProducerRecordWriter()
        DeadLetter.write(
            record, error: RequestError(.malformedRequest, "not JSON"), topic: "requests-dlt",
            maximumBytes: maximumBytes, to: &writer)
        let written = try #require(writer.finish().first)
        return try #require(
            DeadLetterRecord(
                KafkaRecord(
                    topicPartition: TopicPartition(topic: written.topic, partition: 0), offset: offset, timestamp: 5,
                    key: written.key, value: written.value, headers: written.headers)))
    }

    private func record(_ headers: [KafkaHeader], offset: Int64 = 17) -> KafkaRecord {
        KafkaRecord(
            topicPartition: Self.source, offset: offset, timestamp: 4, key: [1, 2], value: [0, 255],
            headers: headers)
    }

    @Test func aRecordComesBackAsItWas() throws {
        let headers = [KafkaHeader("millrace-model", "digits"), KafkaHeader(name: "empty", value: nil)]
        let letter = try letter(of: record(headers))
        #expect(letter.source.description == "requests/2/17")
        #expect(letter.errorClass == "MALFORMED_REQUEST")
        #expect(letter.message == "not JSON")
        #expect(letter.model == "digits")
        #expect(letter.redriveCount == 0)
        let redriven = letter.redriven()
        #expect(redriven.topic == "requests" && redriven.partition == 2)
        #expect(redriven.key.map(Array.init) == [1, 2] && redriven.value.map(Array.init) == [0, 255])
        #expect(
            redriven.headers == headers + [
                KafkaHeader("millrace-redriven", "requests-dlt/0/40"), KafkaHeader("millrace-redrive-count", "1"),
            ])
    }

    @Test func aRecordThatDoesNotFitIsPutBackFromWhereItWas() throws {
        let large = KafkaRecord(
            topicPartition: Self.source, offset: 17, timestamp: 4, key: [1],
            value: [UInt8](repeating: 7, count: 900)[...],
            headers: [KafkaHeader("x", "1")])
        let letter = try letter(of: large, maximumBytes: 1900)
        #expect(letter.isOmitted && letter.record.value == nil && letter.record.key.map(Array.init) == [1])
        #expect(letter.source.description == "requests/2/17" && letter.originalHeaders == large.headers)
        let redriven = letter.redriven(from: large)
        #expect(redriven.value == large.value && redriven.key == large.key)
        #expect(redriven.headers.map(\.name) == ["x", "millrace-redriven", "millrace-redrive-count"])
        #expect(try !self.letter(of: large, maximumBytes: 4000).isOmitted)
    }

    @Test func theTrailGrowsAndTheCountIsReplaced() throws {
        let first = try letter(of: record([])).redriven()
        let again = try letter(of: record(first.headers, offset: 18), at: 41)
        #expect(again.redriveCount == 1)
        #expect(
            again.redriven().headers == [
                KafkaHeader("millrace-redriven", "requests-dlt/0/40"),
                KafkaHeader("millrace-redriven", "requests-dlt/0/41"), KafkaHeader("millrace-redrive-count", "2"),
            ])
    }

    @Test func whatAnotherProgramAddedBeforeIsTheRecordsOwn() throws {
        let foreign = [KafkaHeader("__connect.errors.topic", "elsewhere"), KafkaHeader("x", "1")]
        let letter = try letter(of: record(foreign))
        #expect(letter.source.description == "requests/2/17")
        #expect(letter.originalHeaders == foreign)
    }

    @Test func springsHeadersAloneSayTheSource() throws {
        let all = try letter(of: record([])).headers.filter { $0.name.hasPrefix("kafka_dlt") }
        let found = DeadLetterRecord(record(all))
        #expect(found?.source.description == "requests/2/17")
        #expect(found?.errorClass == "MALFORMED_REQUEST")
        #expect(DeadLetterRecord(record([KafkaHeader("kafka_dlt-original-topic", "t")])) == nil)
        #expect(DeadLetterRecord(record([])) == nil)
    }
}
