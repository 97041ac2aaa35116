import KafkaClient
import Serving
import Testing

@Suite struct RecordPositionTests {
    @Test func aPositionReadsItsOwnText() {
        let position = RecordPosition(TopicPartition(topic: "millrace.requests", partition: 3), offset: 17)
        #expect(position.description == "millrace.requests/3/17")
        #expect(RecordPosition(parsing: Array(position.description.utf8)) == position)
        let last = "t/2147483647/9223372036854775807"
        #expect(RecordPosition(parsing: Array(last.utf8))?.description == last)
    }

    @Test(arguments: [
        "", "topic", "topic/0", "topic/0/", "/0/1", "topic//1", "topic/-1/1", "topic/0/-1", "topic/0/1x", "a/b/0/1",
        "topic/2147483648/0", "topic/0/9223372036854775808", "topic/ 0/1", "topic/0/99999999999999999999999",
        String(repeating: "t", count: 250) + "/0/0",
    ])
    func anythingElseIsNoPosition(text: String) {
        #expect(RecordPosition(parsing: Array(text.utf8)) == nil)
    }

    @Test func positionsAreOrderedByOffsetWithinAPartition() {
        let partition = TopicPartition(topic: "t", partition: 0)
        #expect(RecordPosition(partition, offset: 9) < RecordPosition(partition, offset: 10))
        #expect(
            RecordPosition(partition, offset: 99) < RecordPosition(TopicPartition(topic: "t", partition: 1), offset: 0))
    }
}
