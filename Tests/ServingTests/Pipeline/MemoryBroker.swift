import KafkaClient
import Serving
import Synchronization
import TestSupport

/// A log of requests, the one group that reads it, and the log of its answers, in memory.
///
/// It gives the pipeline what the pipeline relies on, and nothing more: a set of answers and its offsets become visible
/// together, and only to a member whose generation is still the group's. Everything else it makes as inconvenient as it
/// can: offsets have gaps, partitions change hands at random, members are expelled with work under way.
final class MemoryBroker: Sendable {
    let topic: String
    let partitions: [TopicPartition]
    let state: Mutex<State>

    init(topic: String, partitionCount: Int, seed: UInt64) {
        self.topic = topic
        partitions = (0..<partitionCount).map { TopicPartition(topic: topic, partition: Int32($0)) }
        state = Mutex(State(partitions: partitions, random: SplitMix64(state: seed)))
    }

    /// Appends a request; its offset is some records after the last one's.
    func append(to partition: TopicPartition, key: String, value: String, headers: [KafkaHeader]) {
        state.withLock { state in
            let gap = Int64.random(in: 1...3, using: &state.random)
            let offset = (state.log[partition]?.last?.offset ?? -1) + gap
            state.log[partition]?.append(
                KafkaRecord(
                    topicPartition: partition, offset: offset, timestamp: 1, key: Array(key.utf8)[...],
                    value: Array(value.utf8)[...], headers: headers))
        }
        wakeMembers()
    }

    /// Takes every partition from its member and deals them anew.
    /// - Parameter isLost: per member, whether it hears of it only afterwards.
    func rebalance(losing isLost: (Int) -> Bool) {
        state.withLock { state in
            for id in state.members.keys.sorted() where isLost(id) { state.expel(id) }
            state.wantsRebalance = true
            state.settle()
        }
        wakeMembers()
    }

    func wakeMembers() {
        for signal in state.withLock({ $0.members.values.map(\.signal) }) { signal.signal() }
    }

    /// Every request's offset is committed.
    var isAnswered: Bool {
        state.withLock { state in
            state.log.allSatisfy { partition, records in
                guard let last = records.last else { return true }
                return state.committed[partition] == last.offset + 1
            }
        }
    }
}

extension MemoryBroker {
    struct Member {
        let signal: WakeSignal
        /// It counts when partitions are dealt.
        var isJoined = false
        /// The generation under which it may commit.
        var generation: Int32?
        /// What the group takes for its.
        var owned: [TopicPartition] = []
        /// What it reads, and the index in the log of the record that it reads next.
        var positions: [TopicPartition: Int] = [:]
        var paused: Set<TopicPartition> = []
        /// Rebalances that it has not heard of.
        var events: [ConsumerEvent] = []
        /// It has heard of a rebalance and not answered.
        var owesAnswer = false
    }

    struct State {
        var log: [TopicPartition: [KafkaRecord]]
        var committed: [TopicPartition: Int64] = [:]
        /// In the order of their commits.
        var answers: [ProducerRecord] = []
        var members: [Int: Member] = [:]
        var generation: Int32 = 0
        /// Given out and kept, so that a membership is known by its identity.
        var memberships: [(metadata: ConsumerGroupMetadata, generation: Int32)] = []
        var wantsRebalance = false
        private var isRebalancing = false
        /// Members whose partitions cannot be dealt yet.
        private var awaited: Set<Int> = []
        var random: SplitMix64
        /// What the pipeline must never do.
        var violations: [String] = []
        var publications = 0
        var commits = 0
        var aborts = 0
        var fencedCommits = 0

        init(partitions: [TopicPartition], random: SplitMix64) {
            log = Dictionary(uniqueKeysWithValues: partitions.map { ($0, []) })
            self.random = random
        }
    }
}

// MARK: - The group

extension MemoryBroker.State {
    mutating func join(_ id: Int) {
        members[id]?.isJoined = true
        wantsRebalance = true
        settle()
    }

    mutating func leave(_ id: Int) {
        guard let member = members[id] else { return }
        members[id] = MemoryBroker.Member(signal: member.signal)
        awaited.remove(id)
        wantsRebalance = true
        settle()
    }

    /// The group takes the member for dead; it will hear of it.
    mutating func expel(_ id: Int) {
        guard var member = members[id], member.isJoined else { return }
        member.isJoined = false
        member.generation = nil
        member.owned = []
        member.events.removeAll { if case .revoked = $0 { true } else { false } }
        // What it reads, or will once it has answered the assignment that it heard of or is about to.
        var partitions = Array(member.positions.keys)
        for case .assigned(let assigned) in member.events { partitions = assigned }
        if !awaited.contains(id) || !member.owesAnswer { member.events.append(.revoked(partitions, lost: true)) }
        awaited.remove(id)
        members[id] = member
    }

    /// A member has given up what it read.
    mutating func release(_ id: Int) {
        members[id]?.owesAnswer = false
        members[id]?.positions = [:]
        members[id]?.owned = []
        members[id]?.generation = nil
        awaited.remove(id)
        if members[id]?.isJoined == false {
            members[id]?.isJoined = true
            wantsRebalance = true
        }
        settle()
    }

    /// Begins the rebalance that is wanted, and ends the one under way when nobody is waited for.
    mutating func settle() {
        if wantsRebalance, !isRebalancing {
            (wantsRebalance, isRebalancing) = (false, true)
            for (id, member) in members where member.isJoined && member.generation != nil {
                members[id]?.events.append(.revoked(member.owned, lost: false))
                awaited.insert(id)
            }
        }
        guard isRebalancing, awaited.isEmpty else { return }
        isRebalancing = false
        generation += 1
        let joined = members.keys.sorted().filter { members[$0]?.isJoined == true }
        var shares: [Int: [TopicPartition]] = [:]
        for partition in log.keys.sorted() {
            if let id = joined.randomElement(using: &random) { shares[id, default: []].append(partition) }
        }
        for id in joined {
            members[id]?.generation = generation
            members[id]?.owned = shares[id] ?? []
            members[id]?.events.append(.assigned(shares[id] ?? []))
        }
        if wantsRebalance { settle() }
    }
}

// MARK: - Reading and committing

extension MemoryBroker.State {
    /// The index of the first record from the offset on.
    func index(of offset: Int64, in partition: TopicPartition) -> Int {
        let records = log[partition] ?? []
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if records[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Runs of records of the member's partitions in random order; whether it stopped at a limit.
    mutating func read(_ id: Int, maximumRecords: Int, maximumBytes: Int) -> (records: [KafkaRecord], isCut: Bool) {
        guard let member = members[id] else { return ([], false) }
        var found: [KafkaRecord] = []
        var bytes = 0
        let readable = member.positions.keys.sorted().filter { !member.paused.contains($0) }
        for partition in readable.shuffled(using: &random) {
            guard let records = log[partition], var index = member.positions[partition] else { continue }
            defer { members[id]?.positions[partition] = index }
            while index < records.count {
                guard found.count < maximumRecords, bytes < maximumBytes else { return (found, true) }
                found.append(records[index])
                bytes += (records[index].value?.count ?? 0) + (records[index].key?.count ?? 0)
                index += 1
            }
        }
        return (found, false)
    }

    /// Makes the set visible, unless the group has moved on from the membership.
    mutating func commit(_ set: AnswerSet, of id: Int, under membership: ConsumerGroupMetadata?) -> Bool {
        let generation = memberships.first { $0.metadata === membership }?.generation
        guard let generation, generation == members[id]?.generation else {
            fencedCommits += 1
            return false
        }
        for (partition, offset) in set.offsets {
            if members[id]?.owned.contains(partition) != true {
                violations.append("member \(id) commits \(partition), which is not its")
            }
            if offset <= committed[partition] ?? 0 {
                violations.append("member \(id) moves \(partition) from \(committed[partition] ?? 0) back to \(offset)")
            }
            committed[partition] = offset
        }
        answers += set.records
        commits += 1
        return true
    }
}
