import KafkaClient
import Serving
import Testing

@Suite struct PipelineStateTests {
    let left = TopicPartition(topic: "requests", partition: 0)
    let right = TopicPartition(topic: "requests", partition: 1)

    func answer(_ text: String) -> ProducerRecords {
        var writer = ProducerRecordWriter()
        writer.append(topic: "results", partition: 0, key: nil, value: Array(text.utf8)[...], headers: [])
        return writer.finish()
    }

    func admit(
        _ partition: TopicPartition, _ offset: Int64, bytes: Int, to state: inout PipelineState
    ) throws -> Ticket {
        let ticket = state.admit(partition, offset: offset, bytes: bytes)
        return try #require(ticket)
    }

    func expectAdmission(
        _ partition: TopicPartition, _ offset: Int64, bytes: Int, _ expected: Bool, of state: inout PipelineState,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let ticket = state.admit(partition, offset: offset, bytes: bytes)
        #expect((ticket != nil) == expected, sourceLocation: sourceLocation)
    }

    func expectPublication(
        _ expected: Bool, of state: inout PipelineState, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let set = state.beginPublishing()
        #expect((set != nil) == expected, sourceLocation: sourceLocation)
    }

    func expectPublication(
        of state: inout PipelineState, _ offsets: [TopicPartition: Int64],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let set = state.beginPublishing()
        #expect(set?.offsets == offsets, sourceLocation: sourceLocation)
    }

    func expectTexts(
        of state: inout PipelineState, _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = texts(state.beginPublishing())
        #expect(found == expected, sourceLocation: sourceLocation)
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
        let tickets = try (10..<Int64(14)).map { try admit(left, $0, bytes: 1, to: &state) }
        state.answer(tickets[2], with: answer("12"))
        expectPublication(false, of: &state)
        state.answer(tickets[0], with: answer("10"))
        state.answer(tickets[1], with: answer("11"))
        let set = state.beginPublishing()
        #expect(texts(set) == ["10", "11", "12"])
        #expect(set?.offsets == [left: 13])
        state.finishPublishing()
        state.answer(tickets[3], with: answer("13"))
        expectPublication(of: &state, [left: 14])
    }

    @Test func offsetsSkipGapsOfTheLog() throws {
        var state = state()
        let first = try admit(left, 5, bytes: 1, to: &state)
        let second = try admit(left, 9, bytes: 1, to: &state)
        state.answer(first, with: answer("5"))
        state.answer(second, with: answer("9"))
        expectPublication(of: &state, [left: 10])
    }

    @Test func onlyOneSetIsUnderWay() throws {
        var state = state()
        let tickets = try (0..<Int64(2)).map { try admit(left, $0, bytes: 1, to: &state) }
        state.answer(tickets[0], with: answer("0"))
        expectPublication(true, of: &state)
        state.answer(tickets[1], with: answer("1"))
        expectPublication(false, of: &state)
        state.finishPublishing()
        expectTexts(of: &state, ["1"])
    }

    @Test func setsAreLimited() throws {
        var state = state(setSize: 3)
        for offset in 0..<Int64(5) {
            let ticket = try admit(left, offset, bytes: 1, to: &state)
            state.answer(ticket, with: answer("\(offset)"))
        }
        expectPublication(of: &state, [left: 3])
        state.finishPublishing()
        expectPublication(of: &state, [left: 5])
    }

    @Test func limitsCountRowsAndBytesUntilPublication() throws {
        var state = state(rows: 10, bytes: 1000)
        let ticket = try admit(left, 0, bytes: 100, to: &state)
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
        expectAdmission(left, 1, bytes: 1000, true, of: &state)
        #expect(state.isFull)
    }

    @Test func failedPublicationIsReadAgainFromItsFirstRecord() throws {
        var state = state()
        let early = try admit(left, 3, bytes: 1, to: &state)
        state.answer(early, with: answer("3"))
        _ = state.beginPublishing()
        state.finishPublishing()
        let tickets = try (4..<Int64(7)).map { try admit(left, $0, bytes: 1, to: &state) }
        _ = try admit(right, 40, bytes: 1, to: &state)
        state.answer(tickets[0], with: answer("4"))
        _ = state.beginPublishing()
        let positions = state.rewind()
        #expect(positions == [left: 4, right: 40])
        #expect(state.isIdle)
        #expect(state.rows == 0)
        #expect(tickets.allSatisfy { !state.isLive($0) })
        // An answer that was computed before the rewind belongs to nothing.
        state.answer(tickets[1], with: answer("late"))
        expectPublication(false, of: &state)
        let again = try admit(left, 4, bytes: 1, to: &state)
        state.answer(again, with: answer("again"))
        expectTexts(of: &state, ["again"])
    }

    @Test func revokedPartitionsAreForgotten() throws {
        var state = state()
        let gone = try admit(left, 0, bytes: 10, to: &state)
        let kept = try admit(right, 0, bytes: 10, to: &state)
        state.revoke([left])
        state.answer(gone, with: answer("gone"))
        state.answer(kept, with: answer("kept"))
        #expect(state.assignment == [right])
        #expect(state.bytes == 10)
        expectAdmission(left, 1, bytes: 1, false, of: &state)
        let set = state.beginPublishing()
        #expect(texts(set) == ["kept"])
        #expect(set?.offsets == [right: 1])
    }

    @Test func partitionThatComesBackStartsAnew() throws {
        var state = state()
        let before = try admit(left, 0, bytes: 1, to: &state)
        state.revoke([left])
        state.assign([left])
        let after = try admit(left, 0, bytes: 1, to: &state)
        #expect(before != after)
        #expect(!state.isLive(before))
        #expect(state.isLive(after))
    }

    @Test func publicationOutlivesARevocation() throws {
        var state = state()
        let ticket = try admit(left, 0, bytes: 10, to: &state)
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
        expectAdmission(left, 7, bytes: 1, true, of: &state)
        expectAdmission(left, 7, bytes: 1, false, of: &state)
        expectAdmission(left, 6, bytes: 1, false, of: &state)
        expectAdmission(left, 8, bytes: 1, true, of: &state)
    }

    @Test func countsWhatIsAnsweredAndNotYetPublished() throws {
        var state = state(rows: 8, setSize: 1000)
        let tickets = try (0..<4).map { try admit(left, $0, bytes: 1, to: &state) }
        let stranger = try admit(right, 0, bytes: 1, to: &state)
        state.setRows(2, for: tickets[1])
        for ticket in tickets[1...] { state.answer(ticket, with: answer("")) }
        state.answer(stranger, with: answer(""))
        // An answer in place of another adds nothing.
        state.answer(tickets[3], with: answer("again"))
        #expect(state.answeredRows == 5)
        // Half of what may be under way is a set, though the left lane's answers wait for its first record.
        #expect(state.hasAnsweredSet)
        expectPublication(of: &state, [right: 1])
        #expect(state.answeredRows == 4)
        state.finishPublishing()
        state.answer(tickets[0], with: answer(""))
        expectPublication(of: &state, [left: 4])
        #expect(state.answeredRows == 0 && !state.hasAnsweredSet)
        _ = state.rewind()
        #expect(state.answeredRows == 0)
        let next = try admit(left, 0, bytes: 1, to: &state)
        state.answer(next, with: answer(""))
        state.revoke([left])
        #expect(state.answeredRows == 0)
    }

    @Test func aSetIsNeverLargerThanItsLimit() throws {
        var state = state(rows: 100, setSize: 2)
        for offset in 0..<2 {
            #expect(!state.hasAnsweredSet)
            let ticket = try admit(left, Int64(offset), bytes: 1, to: &state)
            state.answer(ticket, with: answer(""))
        }
        #expect(state.hasAnsweredSet)
    }
}
