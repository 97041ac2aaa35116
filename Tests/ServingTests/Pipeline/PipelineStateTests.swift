import KafkaClient
import Serving
import Testing

@Suite struct PipelineStateTests {
    let left = TopicPartition(topic: "requests", partition: 0)
    let right = TopicPartition(topic: "requests", partition: 1)

    func answer(_ text: String) -> [ProducerRecord] {
        [ProducerRecord(topic: "results", partition: 0, key: nil, value: Array(text.utf8)[...], headers: [])]
    }

    func texts(_ set: AnswerSet?) -> [String] {
        (set?.records ?? []).map { String(decoding: $0.value ?? [], as: UTF8.self) }
    }

    func state(rows: Int = 100, bytes: Int = 10_000, setSize: Int = 1000) -> PipelineState {
        var state = PipelineState(limits: .init(maximumRows: rows, maximumBytes: bytes, maximumSetSize: setSize))
        state.assign([left, right])
        return state
    }

    @Test func answersLeaveInOffsetOrderWhateverOrderTheyArriveIn() throws {
        var state = state()
        let tickets = try (10..<14).map { try #require(state.admit(left, offset: $0, bytes: 1)) }
        state.answer(tickets[2], with: answer("12"))
        #expect(state.beginPublishing() == nil)
        state.answer(tickets[0], with: answer("10"))
        state.answer(tickets[1], with: answer("11"))
        let set = state.beginPublishing()
        #expect(texts(set) == ["10", "11", "12"])
        #expect(set?.offsets == [left: 13])
        state.finishPublishing()
        state.answer(tickets[3], with: answer("13"))
        #expect(state.beginPublishing()?.offsets == [left: 14])
    }

    @Test func offsetsSkipGapsOfTheLog() throws {
        var state = state()
        let first = try #require(state.admit(left, offset: 5, bytes: 1))
        let second = try #require(state.admit(left, offset: 9, bytes: 1))
        state.answer(first, with: answer("5"))
        state.answer(second, with: answer("9"))
        #expect(state.beginPublishing()?.offsets == [left: 10])
    }

    @Test func onlyOneSetIsUnderWay() throws {
        var state = state()
        let tickets = try (0..<2).map { try #require(state.admit(left, offset: $0, bytes: 1)) }
        state.answer(tickets[0], with: answer("0"))
        #expect(state.beginPublishing() != nil)
        state.answer(tickets[1], with: answer("1"))
        #expect(state.beginPublishing() == nil)
        state.finishPublishing()
        #expect(texts(state.beginPublishing()) == ["1"])
    }

    @Test func setsAreLimited() throws {
        var state = state(setSize: 3)
        for offset in Int64(0)..<5 {
            let ticket = try #require(state.admit(left, offset: offset, bytes: 1))
            state.answer(ticket, with: answer("\(offset)"))
        }
        #expect(state.beginPublishing()?.offsets == [left: 3])
        state.finishPublishing()
        #expect(state.beginPublishing()?.offsets == [left: 5])
    }

    @Test func limitsCountRowsAndBytesUntilPublication() throws {
        var state = state(rows: 10, bytes: 1000)
        let ticket = try #require(state.admit(left, offset: 0, bytes: 100))
        #expect(!state.isFull)
        state.setRows(10, for: ticket)
        #expect(state.isFull)
        state.answer(ticket, with: answer("0"))
        _ = state.beginPublishing()
        #expect(state.isFull)
        state.finishPublishing()
        #expect(state.hasRoom)
        #expect(state.rows == 0)
        #expect(state.bytes == 0)
        #expect(state.admit(left, offset: 1, bytes: 1000) != nil)
        #expect(state.isFull)
    }

    @Test func failedPublicationIsReadAgainFromItsFirstRecord() throws {
        var state = state()
        let early = try #require(state.admit(left, offset: 3, bytes: 1))
        state.answer(early, with: answer("3"))
        _ = state.beginPublishing()
        state.finishPublishing()
        let tickets = try (4..<7).map { try #require(state.admit(left, offset: $0, bytes: 1)) }
        _ = try #require(state.admit(right, offset: 40, bytes: 1))
        state.answer(tickets[0], with: answer("4"))
        _ = state.beginPublishing()
        #expect(state.rewind() == [left: 4, right: 40])
        #expect(state.isIdle)
        #expect(state.rows == 0)
        #expect(tickets.allSatisfy { !state.isLive($0) })
        // An answer that was computed before the rewind belongs to nothing.
        state.answer(tickets[1], with: answer("late"))
        #expect(state.beginPublishing() == nil)
        let again = try #require(state.admit(left, offset: 4, bytes: 1))
        state.answer(again, with: answer("again"))
        #expect(texts(state.beginPublishing()) == ["again"])
    }

    @Test func revokedPartitionsAreForgotten() throws {
        var state = state()
        let gone = try #require(state.admit(left, offset: 0, bytes: 10))
        let kept = try #require(state.admit(right, offset: 0, bytes: 10))
        state.revoke([left])
        state.answer(gone, with: answer("gone"))
        state.answer(kept, with: answer("kept"))
        #expect(state.assignment == [right])
        #expect(state.bytes == 10)
        #expect(state.admit(left, offset: 1, bytes: 1) == nil)
        let set = state.beginPublishing()
        #expect(texts(set) == ["kept"])
        #expect(set?.offsets == [right: 1])
    }

    @Test func partitionThatComesBackStartsAnew() throws {
        var state = state()
        let before = try #require(state.admit(left, offset: 0, bytes: 1))
        state.revoke([left])
        state.assign([left])
        let after = try #require(state.admit(left, offset: 0, bytes: 1))
        #expect(before != after)
        #expect(!state.isLive(before))
        #expect(state.isLive(after))
    }

    @Test func publicationOutlivesARevocation() throws {
        var state = state()
        let ticket = try #require(state.admit(left, offset: 0, bytes: 10))
        state.answer(ticket, with: answer("0"))
        _ = state.beginPublishing()
        state.revoke([left])
        #expect(state.bytes == 10)
        state.finishPublishing()
        #expect(state.bytes == 0)
        #expect(state.rows == 0)
        #expect(state.isIdle)
    }

    @Test func recordsSeenBeforeAreNotAdmittedTwice() throws {
        var state = state()
        #expect(state.admit(left, offset: 7, bytes: 1) != nil)
        #expect(state.admit(left, offset: 7, bytes: 1) == nil)
        #expect(state.admit(left, offset: 6, bytes: 1) == nil)
        #expect(state.admit(left, offset: 8, bytes: 1) != nil)
    }
}
