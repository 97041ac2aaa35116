import KafkaClient
import Testing

@testable import Serving

@Suite struct RequestTableTests {
    private let first = TopicPartition(topic: "t", partition: 0)
    private let second = TopicPartition(topic: "t", partition: 1)

    @Test func `requests are found between gaps and go in order`() {
        var table = RequestTable<Int>()
        for offset in stride(from: Int64(10), to: 1000, by: 7) {
            table.append(Int(offset), at: .init(first, offset: offset))
        }
        table.append(5, at: .init(second, offset: 10))
        table.append(6, at: .init(TopicPartition(topic: "u", partition: 0), offset: 10))
        for offset in Int64(0)..<1010 {
            let expected = offset >= 10 && offset < 1000 && (offset - 10) % 7 == 0 ? Int(offset) : nil
            #expect(table[.init(first, offset: offset)] == expected)
        }
        table.removeAll(before: 500, of: first)
        #expect(table[.init(first, offset: 493)] == nil && table[.init(first, offset: 500)] == 500)
        #expect(table[.init(second, offset: 10)] == 5)
        table.removeAll(before: 10_000, of: first)
        #expect(table[.init(first, offset: 997)] == nil)
        #expect(table[.init(TopicPartition(topic: "u", partition: 0), offset: 10)] == 6)
        table.removeAll(before: 1, of: TopicPartition(topic: "none", partition: 9))
        table.append(7, at: .init(first, offset: 3))
        #expect(table[.init(first, offset: 3)] == 7)
    }
}
