import DequeModule
import KafkaClient
import ModelRegistry

/// Records whose model is being loaded, in the order in which they came.
struct ParkedRequests {
    struct Entry {
        let ticket: Ticket
        let record: KafkaRecord
        /// The answer at the deadline.
        let error: RequestError
        let deadline: ContinuousClock.Instant
    }

    private(set) var entries: Deque<Entry> = []
    /// Of those being decoded again too: a second wait does not begin anew.
    private var deadlines: [Ticket: ContinuousClock.Instant] = [:]
    /// The registry's count of changes when they were last looked at.
    var changeCount = 0

    var isEmpty: Bool { deadlines.isEmpty }
    var count: Int { deadlines.count }

    func contains(_ ticket: Ticket) -> Bool { deadlines[ticket] != nil }

    var nextDeadline: ContinuousClock.Instant? { entries.lazy.map(\.deadline).min() }

    mutating func append(_ entry: Entry) {
        let deadline = deadlines[entry.ticket] ?? entry.deadline
        deadlines[entry.ticket] = deadline
        entries.append(Entry(ticket: entry.ticket, record: entry.record, error: entry.error, deadline: deadline))
    }

    /// All of them, to be tried again.
    mutating func takeAll() -> Deque<Entry> {
        defer { entries = [] }
        return entries
    }

    /// Those whose time is over.
    mutating func takeExpired(at now: ContinuousClock.Instant) -> [Entry] {
        let expired = entries.filter { $0.deadline <= now }
        guard !expired.isEmpty else { return [] }
        entries.removeAll { $0.deadline <= now }
        for entry in expired { deadlines[entry.ticket] = nil }
        return Array(expired)
    }

    /// The record is on its way after all.
    mutating func settle(_ ticket: Ticket) {
        if !deadlines.isEmpty { deadlines[ticket] = nil }
    }

    mutating func removeAll(where isGone: (Ticket) -> Bool) {
        guard !isEmpty else { return }
        entries.removeAll { isGone($0.ticket) }
        deadlines = deadlines.filter { !isGone($0.key) }
    }
}

// Requests for a version that is not in memory wait in their lane; other models' batches go on meanwhile.
extension PipelineLoop {
    mutating func park(_ decoded: DecodedRecord, _ error: RequestError, at now: ContinuousClock.Instant) {
        guard parked.contains(decoded.ticket) || parked.count < pipeline.configuration.maximumWaitingRequests else {
            var error = error
            error.message += "; \(parked.count) requests wait for models already"
            return giveUp(decoded.ticket, decoded.record, error)
        }
        parked.append(
            .init(
                ticket: decoded.ticket, record: decoded.record, error: error,
                deadline: now + pipeline.configuration.maximumModelWait))
    }

    /// Tries them again when the registry has changed; gives those up whose time is over.
    mutating func revisitParked() {
        guard !parked.isEmpty else { return }
        let changes = pipeline.jobs.registry.changeCount
        if changes != parked.changeCount {
            parked.changeCount = changes
            for entry in parked.takeAll() { undecoded.append((entry.ticket, entry.record)) }
        }
        for entry in parked.takeExpired(at: .now) {
            var error = entry.error
            error.message += "; waited \(pipeline.configuration.maximumModelWait)"
            giveUp(entry.ticket, entry.record, error)
        }
    }

    private mutating func giveUp(_ ticket: Ticket, _ record: KafkaRecord, _ error: RequestError) {
        pipeline.statistics.countAnswers(1, errors: 1)
        state.answer(ticket, with: pipeline.jobs.encoder.failure(error, record: record))
    }

    /// Everything that can be answered is answered and published; the rest waits for models.
    var waitsForModelsOnly: Bool {
        !parked.isEmpty && parked.count == parked.entries.count && runningJobs == 0 && undecoded.isEmpty
            && planner.isEmpty && complete.isEmpty && state.publishing == nil
    }
}
