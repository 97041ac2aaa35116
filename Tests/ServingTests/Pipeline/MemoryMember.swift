import KafkaClient
import Serving
import Synchronization

/// A member of a ``MemoryBroker``'s group: what a pipeline reads from and publishes to.
///
/// Publishing takes as long as it likes, and fails in every way that it can.
final class MemoryMember: RequestSource, AnswerSink {
    let id: Int
    let broker: MemoryBroker
    let signal = WakeSignal()

    init(_ id: Int, of broker: MemoryBroker) {
        (self.id, self.broker) = (id, broker)
        broker.state.withLock { $0.members[id] = MemoryBroker.Member(signal: signal) }
    }

    func refusal(_ operation: String, _ name: String, isRetriable: Bool = false) -> KafkaError {
        KafkaError(operation: operation, code: -1, name: name, reason: "made up by the test", isRetriable: isRetriable)
    }

    var isPaused: Bool { broker.state.withLock { $0.members[id]?.paused.isEmpty == false } }

    // MARK: RequestSource

    func subscribe(to topics: [String]) throws {
        broker.state.withLock { $0.join(id) }
        broker.wakeMembers()
    }

    func drain(maximumRecords: Int, maximumBytes: Int) -> [ConsumerEvent] {
        let (events, isCut) = broker.state.withLock { state -> ([ConsumerEvent], Bool) in
            guard state.members[id]?.owesAnswer == false else {
                state.violations.append("member \(id) drains before it answered a rebalance")
                return ([], false)
            }
            let (records, isCut) = state.read(id, maximumRecords: maximumRecords, maximumBytes: maximumBytes)
            var events: [ConsumerEvent] = records.isEmpty ? [] : [.records(records)]
            if state.members[id]?.events.isEmpty == false, let event = state.members[id]?.events.removeFirst() {
                events.append(event)
                state.members[id]?.owesAnswer = true
            }
            return (events, isCut || state.members[id]?.events.isEmpty == false)
        }
        if isCut { signal.signal() }
        return events
    }

    func assign(_ positions: [TopicPartition: Int64?]) throws {
        broker.state.withLock { state in
            state.members[id]?.owesAnswer = false
            state.members[id]?.paused = []
            state.members[id]?.positions = [:]
            for (partition, offset) in positions {
                let index = state.index(of: offset ?? state.committed[partition] ?? 0, in: partition)
                state.members[id]?.positions[partition] = index
            }
        }
        signal.signal()
    }

    func unassign() throws {
        broker.state.withLock { $0.release(id) }
        broker.wakeMembers()
    }

    func pause(_ partitions: [TopicPartition]) throws {
        broker.state.withLock { $0.members[id]?.paused.formUnion(partitions) }
    }

    func resume(_ partitions: [TopicPartition]) throws {
        broker.state.withLock { $0.members[id]?.paused.subtract(partitions) }
        signal.signal()
    }

    func seek(_ positions: [TopicPartition: Int64]) async throws {
        // As long as a real one, during which the group may move on.
        try? await Task.sleep(for: .microseconds(500))
        try broker.state.withLock { state in
            for (partition, offset) in positions {
                guard state.members[id]?.positions[partition] != nil else {
                    throw refusal("seek \(partition)", "_STATE")
                }
                let index = state.index(of: offset, in: partition)
                state.members[id]?.positions[partition] = index
            }
        }
        signal.signal()
    }

    /// As it stands now, which may be none at all.
    func groupMetadata() throws -> ConsumerGroupMetadata {
        broker.state.withLock { state in
            let generation = state.members[id]?.generation ?? -1
            let metadata = ConsumerGroupMetadata(group: "memory", generation: generation, member: "\(id)")
            state.memberships.append((metadata, generation))
            return metadata
        }
    }

    func close(deadline: Duration) async {
        broker.state.withLock { $0.leave(id) }
        broker.wakeMembers()
    }

    // MARK: AnswerSink

    private enum Fate {
        case commits
        case aborts
        /// The group expels the member just before the commit.
        case isFenced
        /// The producer is beyond repair, and nobody can tell whether before or after the commit.
        case dies(hasCommitted: Bool)
    }

    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        let (fate, pause) = broker.state.withLock { state in
            state.publications += 1
            let fate: Fate =
                // Every run has some of each, however the threads are scheduled; the rest is left to chance.
                switch (state.publications % 25, Int.random(in: 0..<100, using: &state.random)) {
                case (5, _): .aborts
                case (12, _): .isFenced
                case (20, _): .dies(hasCommitted: state.publications % 2 == 0)
                case (_, 0..<8): .aborts
                case (_, 8): .dies(hasCommitted: true)
                case (_, 9): .dies(hasCommitted: false)
                default: .commits
                }
            let pause: Duration =
                switch Int.random(in: 0..<100, using: &state.random) {
                case 0..<60: .zero
                case 60..<98: .microseconds(Int.random(in: 100...8000, using: &state.random))
                // Long enough for a full pipeline to pause its partitions.
                default: .milliseconds(1300)
                }
            return (fate, pause)
        }
        if pause > .zero { try? await Task.sleep(for: pause) }
        defer { broker.wakeMembers() }
        return broker.state.withLock { state in
            if case .isFenced = fate {
                state.expel(id)
                state.wantsRebalance = true
                state.settle()
            }
            switch fate {
            case .commits, .isFenced:
                if state.commit(set, of: id, under: membership) { return .committed }
                return .aborted(refusal("send offsets", "ILLEGAL_GENERATION"))
            case .aborts:
                state.aborts += 1
                return .aborted(refusal("commit", "CONCURRENT_TRANSACTIONS", isRetriable: true))
            case .dies(let hasCommitted):
                if hasCommitted { _ = state.commit(set, of: id, under: membership) }
                return .fatal(refusal("commit", "_FATAL"))
            }
        }
    }
}
