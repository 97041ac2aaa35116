import Foundation
import KafkaClient
import Serving
import TestSupport
import Testing

@Suite struct CrashJournalTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func open(topics: [String] = ["a", "b"], slots: Int = 4, capacity: Int = 8) throws -> CrashJournal {
        try CrashJournal(path: folder.path + "/one.journal", topics: topics, slotCount: slots, slotCapacity: capacity)
    }

    func position(_ offset: Int64, topic: String = "a", partition: Int32 = 0) -> RecordPosition {
        RecordPosition(TopicPartition(topic: topic, partition: partition), offset: offset)
    }

    @Test func aCleanRunLeavesNothing() throws {
        let first = try open()
        #expect(first.suspects.isEmpty)
        let slot = first.begin([position(1), position(2)])
        first.end(slot)
        first.close()
        #expect(try open().suspects.isEmpty)
    }

    @Test func whatWasWorkedOnIsSuspectAndOnlyLonelyDeathsCount() throws {
        let first = try open()
        _ = first.begin([position(1), position(2, topic: "b", partition: 7)])
        let finished = first.begin([position(3)])
        first.end(finished)
        _ = first.begin([position(4)])
        // Closing without ending the marks is what the death of the process leaves.
        first.close()
        let second = try open()
        #expect(
            second.suspects == [
                position(1): .init(lonelyDeaths: 0), position(2, topic: "b", partition: 7): .init(lonelyDeaths: 0),
                position(4): .init(lonelyDeaths: 1),
            ])
    }

    /// Killed after the file had its size and before it had its header.
    @Test func anUnfinishedFileIsEmpty() throws {
        let first = try open()
        _ = first.begin([position(1)])
        first.close()
        let path = folder.path + "/one.journal"
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        try Data(count: size).write(to: URL(fileURLWithPath: path))
        #expect(try open().suspects.isEmpty)
    }

    @Test func deathsAddUpOverRestarts() throws {
        for deaths in 0..<4 {
            let journal = try open()
            #expect(journal.suspects[position(9)]?.lonelyDeaths == (deaths == 0 ? nil : deaths))
            _ = journal.begin([position(9)])
            journal.close()
        }
    }

    @Test func anAnsweredSuspectIsForgotten() throws {
        let first = try open()
        _ = first.begin([position(1), position(2)])
        first.close()
        let second = try open()
        second.absolve([position(1), position(77)])
        second.close()
        #expect(Array(try open().suspects.keys) == [position(2)])
    }

    @Test func suspectsOfATopicThatIsNotReadAnyMoreAreDropped() throws {
        let first = try open()
        _ = first.begin([position(1), position(2, topic: "b")])
        first.close()
        let second = try open(topics: ["b"])
        second.close()
        #expect(Array(try open(topics: ["b", "a"]).suspects.keys) == [position(2, topic: "b")])
    }

    @Test func slotsAndTheirLengthsAreLimited() throws {
        let journal = try open(slots: 2, capacity: 3)
        let slots = (0..<3).map { _ in journal.begin((0..<10).map { position($0) }) }
        #expect(slots.compactMap { $0 }.count == 2)
        #expect(slots[2] == nil)
        journal.end(slots[2])
        journal.end(slots[0])
        #expect(journal.begin([position(50)]) != nil)
        journal.close()
        #expect(Set(try open(slots: 2, capacity: 3).suspects.keys) == Set([0, 1, 2, 50].map { position($0) }))
    }

    @Test func oneInstanceOwnsTheFile() throws {
        let journal = try open()
        #expect(throws: JournalError.self) { try open() }
        journal.close()
        _ = try open()
    }

    @Test(arguments: 0..<200) func damagedFilesAreRefusedOrRead(seed: UInt64) throws {
        let journal = try open()
        _ = journal.begin([position(1), position(2)])
        journal.close()
        let path = folder.path + "/one.journal"
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var random = SplitMix64(state: seed)
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let index =
                Bool.random(using: &random)
                ? Int.random(in: 0..<64, using: &random) : bytes.indices.randomElement(using: &random)
            if let index { bytes[index] = UInt8.random(in: 0...255, using: &random) }
        }
        if seed % 5 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
        try Data(bytes).write(to: URL(filePath: path))
        do {
            try open().close()
        } catch let error as JournalError {
            #expect(error.description.contains(path))
        }
    }
}
