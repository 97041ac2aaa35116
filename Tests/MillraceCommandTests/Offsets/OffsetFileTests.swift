import KafkaClient
import Testing

@testable import MillraceCommand

@Suite struct OffsetFileTests {
    private func parse(_ text: String) throws -> OffsetFile {
        try OffsetFile(parsing: Array(text.utf8), name: "plan.csv")
    }

    @Test func `both forms are read, quoted or not`() throws {
        let one = try parse("requests,0,15\r\n\"a-topic-that-is-quoted\",12,-3\n\n")
        #expect(
            one.rows == [
                .init(group: nil, partition: .init(topic: "requests", partition: 0), offset: 15),
                .init(group: nil, partition: .init(topic: "a-topic-that-is-quoted", partition: 12), offset: -3),
            ])
        #expect(one.groups.isEmpty)
        #expect(one.offsets(ofGroup: "any").count == 2)
        let several = try parse("\"a \"\"b\"\", c\",requests,0,1\nd,requests,0,2")
        #expect(several.groups == ["a \"b\", c", "d"])
        #expect(several.offsets(ofGroup: "d") == [.init(topic: "requests", partition: 0): 2])
        #expect(several.offsets(ofGroup: "e").isEmpty)
    }

    @Test func `what is written is read back`() throws {
        let rows: [OffsetFile.Row] = ["plain", "with space", "with,comma", "with\"quote"].flatMap { group in
            (0..<3).map {
                OffsetFile.Row(group: group, partition: .init(topic: "t", partition: $0), offset: .max - Int64($0))
            }
        }
        #expect(try parse(OffsetFile(rows: rows).render()).rows == rows)
        #expect(
            OffsetFile(rows: [.init(group: nil, partition: .init(topic: "t", partition: 1), offset: 2)]).render()
                == "t,1,2")
    }

    @Test(arguments: [
        ("", "no offsets"), ("\n \n", "no offsets"), ("t,0", ":1: found 2 fields"), ("a,b,c,d,e", "5 fields"),
        ("t,0,1\nt,x,2", ":2: found \"x\" as partition"), ("t,-1,2", "partition"), ("t,0,1.5", "as offset"),
        ("t,0,99999999999999999999", "as offset"), (",0,1", "topic is empty"), (",t,0,1", "group is empty"),
        ("t,0,1\nt,0,2", "in line 1 already"), ("t,0,1\ng,t,1,2", ":2: expected as many fields"),
        ("\"t,0,1", "quotation mark"), ("\"t\"x,0,1", "quotation mark"), ("topic,partition,offset", "as partition"),
    ])
    func `what is wrong is named with its line`(text: String, mentions: String) {
        let error = #expect(throws: CommandFailure.self) { try parse(text) }
        #expect(error?.status == .usage)
        #expect(error?.message.hasPrefix("plan.csv:") == true)
        #expect(error?.message.contains(mentions) == true, "\(error?.message ?? "")")
    }

    @Test func `bytes that are no text are refused`() {
        #expect(throws: CommandFailure.self) { try OffsetFile(parsing: [0xFF, 0xFE, 0x2C], name: "x") }
    }
}
