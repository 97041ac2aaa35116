import KafkaClient
import Testing

@testable import MillraceCommand

@Suite struct ResetTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0), ("1970-01-01T00:00:00Z", 0),
            ("2026-03-01T06:00:00.123Z", 1_772_344_800_123),
            ("2026-03-01T07:00:00.123+01:00", 1_772_344_800_123), ("2026-03-01T07:00:00.123+01", 1_772_344_800_123),
            ("2026-03-01T07:00:00.123+0100", 1_772_344_800_123), ("2026-02-28T20:30:00.123-09:30", 1_772_344_800_123),
            ("1969-12-31T23:59:59.999Z", -1),
        ] as [(String, Int64)])
    func `a time with its zone is a moment`(text: String, milliseconds: Int64) throws {
        #expect(try ResetTime.milliseconds(dateTime: text) == milliseconds)
    }

    @Test(arguments: [
        ("2026-03-01T06:00:00.000", "no zone"), ("2026-03-01T06:00:00", "no zone"), ("2026-03-01", "expected"),
        ("2026-02-30T06:00:00.000Z", "no such date"), ("2026-03-01T24:00:00.000Z", "no such date"),
        ("2026-03-01T06:00:60.000Z", "no such date"), ("2026-03-01T06:00:00.5Z", "expected"),
        ("2026-03-01 06:00:00.000Z", "expected"), ("yesterday", "expected"), ("", "expected"),
        ("1772344800123", "expected"),
        ("2026-03-01T06:00:00.000Z ", "expected"), ("2026-03-01T06:00:00.000+99:00", "no such date"),
    ])
    func `what is no moment is refused`(text: String, mentions: String) {
        let error = #expect(throws: CommandFailure.self) { try ResetTime.milliseconds(dateTime: text) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains(mentions) == true, "\(error?.message ?? "")")
    }

    @Test(
        arguments: [
            ("P7D", 604_800_000), ("PT90M", 5_400_000), ("P1DT2H3M4.5S", 93_784_500), ("pt0.001s", 1), ("PT0S", 0),
            ("PT1,25S", 1250), ("PT1.S", 1000), ("P0D", 0),
        ] as [(String, Int64)])
    func `a duration is a number of milliseconds`(text: String, milliseconds: Int64) throws {
        #expect(try ResetTime.milliseconds(duration: text) == milliseconds)
    }

    @Test(arguments: [
        "", "P", "PT", "P1", "P1DT", "7D", "P1W", "P1M", "PT-5M", "-PT5M", "P1.5D", "PT1H30", "90m",
        "P99999999999999999999D", "P106751991168D",
    ])
    func `what is no duration is refused`(text: String) {
        let error = #expect(throws: CommandFailure.self) { try ResetTime.milliseconds(duration: text) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains("--by-duration") == true)
    }
}

@Suite struct TopicSelectionTests {
    @Test func `topics and partitions are read`() {
        #expect(TopicSelection(argument: "t") == TopicSelection(topic: "t", partitions: nil))
        #expect(TopicSelection(argument: "t:0,12,0") == TopicSelection(topic: "t", partitions: [0, 12]))
        for text in ["", ":0", "t:", "t:x", "t:1,", "t:-1", "t:+1", "t:0:1", "t:99999999999"] {
            #expect(TopicSelection(argument: text) == nil, "\(text)")
        }
    }

    @Test func `what does not exist is named with what does`() throws {
        let known = ["requests": (0..<3).map { TopicPartition(topic: "requests", partition: $0) }]
        func resolve(_ text: String) throws -> Set<TopicPartition> {
            try TopicSelection.resolve([try #require(TopicSelection(argument: text))], among: known)
        }
        #expect(try resolve("requests").count == 3)
        #expect(try resolve("requests:1") == [TopicPartition(topic: "requests", partition: 1)])
        let topic = #expect(throws: CommandFailure.self) { try resolve("request") }
        #expect(topic?.status == .notFound && topic?.message.contains("\"requests\"") == true)
        let partition = #expect(throws: CommandFailure.self) { try resolve("requests:3") }
        #expect(partition?.status == .notFound && partition?.message.contains("0 to 2") == true)
    }
}
