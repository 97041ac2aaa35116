import ArgumentParser
import JSONDocuments
import KafkaClient
import Synchronization
import UnixSignals

/// A reset of one or more groups: planned as a whole, then carried out group by group.
struct ResetRun: Sendable {
    enum Outcome: Sendable, Equatable {
        case planned
        case done
        /// Somebody works in the group.
        case refused(String)
        case failed(String)
        /// The offsets were set, and are others already.
        case overtaken([TopicPartition])
        case interrupted
    }

    struct Group: Sendable {
        var name: String
        var state: String
        var plan: OffsetPlan
        var outcome: Outcome
    }

    private(set) var groups: [Group] = []
    private(set) var warnings: [String] = []

    /// Plans.
    ///
    /// - Throws: ``CommandFailure`` or `KafkaError` when the plan of any group cannot be made; nothing has changed then.
    init(_ session: GroupSession, _ request: ResetRequest, topics: TopicOptions, groups options: GroupOptions)
        async throws
    {
        let names = try await session.names(options)
        for name in names {
            let description = try await session.admin.describeGroup(name)
            guard description.isIdle else {
                groups.append(
                    Group(
                        name: name, state: description.state, plan: .empty,
                        outcome: .refused(Self.busy(description))))
                continue
            }
            if description.isUnknown {
                warnings.append("group \"\(name)\" does not exist yet; setting offsets makes it")
            }
            let plan = try await plan(name, session, request, topics)
            groups.append(Group(name: name, state: description.state, plan: plan, outcome: .planned))
        }
        if case .file(let file) = request {
            for other in file.groups.subtracting(names).sorted() {
                warnings.append("the file's offsets of group \"\(other)\" are left out: the group was not asked for")
            }
        }
    }

    private static func busy(_ description: GroupDescription) -> String {
        let hosts = Set(description.members.map { "\($0.clientID) on \($0.host)" }).sorted()
        let shown = hosts.prefix(3).joined(separator: ", ") + (hosts.count > 3 ? ", …" : "")
        return "it is \(description.state), offsets can be moved while it is Empty"
            + (shown.isEmpty ? "" : "; stop \(shown)")
    }

    private mutating func plan(
        _ group: String, _ session: GroupSession, _ request: ResetRequest, _ topics: TopicOptions
    ) async throws -> OffsetPlan {
        let committed = try await session.committed(group)
        let scenario: ResetScenario
        var partitions: Set<TopicPartition>
        switch request {
        case .file(let file):
            let offsets = file.offsets(ofGroup: group)
            if offsets.isEmpty { warnings.append("the file has no offsets of group \"\(group)\"") }
            let selections = offsets.keys.map { TopicSelection(topic: $0.topic, partitions: [$0.partition]) }
            partitions = try TopicSelection.resolve(selections, among: session.topics)
            scenario = .listed(offsets)
        case .scenario(let asked):
            scenario = asked
            partitions =
                topics.allTopics
                ? Set(committed.keys) : try TopicSelection.resolve(topics.topics, among: session.topics)
        }
        for partition in partitions.filter({ !session.exists($0) }).sorted() {
            warnings.append("\(partition) of group \"\(group)\" does not exist any more and is left out")
            partitions.remove(partition)
        }
        if partitions.isEmpty { warnings.append("group \"\(group)\" has no offsets to move") }
        for pending in try await session.pending(group, among: partitions.sorted()).sorted() {
            warnings.append(
                "an open transaction holds an offset of group \"\(group)\" for \(pending): when it commits, it may "
                    + "overwrite the new one; describe the group again when it has ended")
        }
        let bounds = try await session.admin.logBounds(of: partitions.sorted())
        var found: [TopicPartition: Int64?] = [:]
        if case .time(let time) = scenario {
            // Negative times have other meanings to the broker, and no record is that old.
            found = try await session.admin.offsets(of: partitions.sorted(), at: .timestamp(max(0, time)))
        }
        var facts: [TopicPartition: PartitionFacts] = [:]
        for (partition, bounds) in bounds {
            facts[partition] = PartitionFacts(
                committed: committed[partition], bounds: bounds, atTime: found[partition] ?? nil)
        }
        return try OffsetPlan(scenario, facts)
    }

    // MARK: Carrying out

    /// Sets the offsets, one request a group. An interrupt is heeded between groups, so that each is done or not.
    mutating func execute(_ session: GroupSession) async {
        let interrupt = Interrupt()
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let watching = Task {
            for await _ in signals { interrupt.request() }
        }
        defer { watching.cancel() }
        for index in groups.indices where groups[index].outcome == .planned {
            groups[index].outcome =
                interrupt.isRequested ? .interrupted : await Self.set(groups[index], session)
        }
    }

    private static func set(_ group: Group, _ session: GroupSession) async -> Outcome {
        let targets = group.plan.targets
        guard !targets.isEmpty else { return .done }
        do {
            try await session.admin.setCommittedOffsets(ofGroup: group.name, targets)
        } catch let error as KafkaError where error.isGroupInUse {
            return .refused("somebody joined it meanwhile: \(error.reason)")
        } catch {
            return .failed("\(error)")
        }
        await AdminAction.record(
            "offsets.reset", target: group.name,
            details: Dictionary(
                group.plan.entries.map { ("\($0.partition)", "\($0.committed.map(String.init) ?? "-")->\($0.target)") }
            ) { first, _ in first }, in: RegistryJournal(session.configuration))
        // Another operator, or an instance that started this moment, may have written after us.
        guard let now = try? await session.committed(group.name) else { return .done }
        let others = targets.filter { now[$0.key] != $0.value }.keys.sorted()
        return others.isEmpty ? .done : .overtaken(others)
    }

    /// Throws what the exit code should be, the gravest first.
    func check() throws {
        for group in groups {
            if case .failed(let reason) = group.outcome {
                throw CommandFailure(.broker, "group \"\(group.name)\": \(reason)")
            }
        }
        for group in groups {
            if case .refused(let reason) = group.outcome {
                throw CommandFailure(.refused, "group \"\(group.name)\" was not touched: \(reason)")
            }
        }
        for group in groups {
            if case .overtaken(let partitions) = group.outcome {
                throw CommandFailure(
                    .difference,
                    "group \"\(group.name)\": the offsets were set, but those of "
                        + "\(partitions.map(\.description).joined(separator: ", ")) are others already: somebody else "
                        + "moves them, too")
            }
        }
        if groups.contains(where: { $0.outcome == .interrupted }) { throw ExitCode(130) }
    }
}

/// Set by a signal, read between groups.
private final class Interrupt: Sendable {
    private let state = Mutex(false)

    var isRequested: Bool { state.withLock { $0 } }
    func request() { state.withLock { $0 = true } }
}

extension OffsetPlan {
    /// Of a group that nothing is planned for.
    static let empty = OffsetPlan()

    private init() { entries = [] }
}
