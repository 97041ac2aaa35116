import Glibc
import KafkaClient
import Synchronization

/// Remembers, over the death of the process, which records it was working on: a record that kills the process is found
/// by its offset on the next start, runs alone from then on, and is given up after a number of lonely deaths.
///
/// The memory is a mapped file: marking a batch stores its offsets to memory, without a system call, and what was stored
/// survives the process (not the machine: a power failure is nobody's record's fault). One instance owns the file.
///
/// A process that is killed from outside leaves innocent records in the journal. They run alone once, are answered, and
/// are forgotten; only deaths of a record that was alone count against it.
package final class CrashJournal: Sendable {
    /// A record that was being worked on when an earlier process died.
    package struct Suspect: Sendable, Hashable {
        /// Deaths while nothing else was being worked on by the same thread.
        package var lonelyDeaths: Int

        package init(lonelyDeaths: Int) {
            self.lonelyDeaths = lonelyDeaths
        }
    }

    private struct State {
        var suspects: [RecordPosition: Suspect]
        var freeSlots: [Int]
    }

    private let file: JournalFile
    private let state: Mutex<State>

    /// Opens the journal and counts what an earlier process left behind.
    /// - Parameters:
    ///   - path: made when absent; its folder must exist.
    ///   - topics: the request topics; marks name them by position.
    ///   - slotCount: jobs that are marked at the same time.
    ///   - slotCapacity: records of one job; more are not marked.
    /// - Throws: ``JournalError`` when the file cannot be used, is another instance's, or was written by other code.
    package init(path: String, topics: [String], slotCount: Int, slotCapacity: Int) throws(JournalError) {
        let layout = JournalFile.Layout(slotCount: max(1, slotCount), slotCapacity: max(1, slotCapacity))
        let left = try JournalFile.open(path: path, topics: topics, layout: layout)
        file = left.file
        var suspects: [RecordPosition: Suspect] = [:]
        for (position, deaths) in left.suspects { suspects[position] = Suspect(lonelyDeaths: deaths) }
        for slot in left.slots {
            for position in slot {
                suspects[position, default: Suspect(lonelyDeaths: 0)].lonelyDeaths += slot.count == 1 ? 1 : 0
            }
        }
        // More than fit are the last ones: each of them gets its turn when it kills again.
        let kept = suspects.sorted { $0.value.lonelyDeaths > $1.value.lonelyDeaths }.prefix(file.layout.suspectCapacity)
        file.writeSuspects(kept.map { ($0.key, $0.value.lonelyDeaths) })
        file.clearSlots()
        state = Mutex(
            State(
                suspects: Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) }),
                freeSlots: Array(0..<file.layout.slotCount)))
    }

    /// The records to be careful with; empty after a clean run.
    package var suspects: [RecordPosition: Suspect] { state.withLock { $0.suspects } }

    /// Marks records as being worked on by one job.
    /// - Returns: what to pass to ``end(_:)``; nil when every slot is taken, and then the job runs unmarked.
    package func begin(_ positions: some Collection<RecordPosition>) -> Int? {
        guard let slot = state.withLock({ $0.freeSlots.popLast() }) else { return nil }
        file.writeSlot(slot, positions)
        return slot
    }

    package func end(_ slot: Int?) {
        guard let slot else { return }
        file.clearSlot(slot)
        state.withLock { $0.freeSlots.append(slot) }
    }

    /// The records are answered: they do not kill.
    package func absolve(_ positions: some Collection<RecordPosition>) {
        let remaining = state.withLock { state in
            for position in positions { state.suspects[position] = nil }
            return state.suspects
        }
        file.writeSuspects(remaining.map { ($0.key, $0.value.lonelyDeaths) })
    }

    /// Gives the file up; marks that are still set stay.
    package func close() { file.close() }
}

/// Why a journal cannot be used.
package struct JournalError: Error, Sendable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "state file \(path): \(reason)" }
}
