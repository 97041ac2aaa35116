import JSONDocuments
import KafkaClient

/// What `offsets delete` does to one group.
struct GroupDeletion: Sendable {
    enum Outcome: Sendable, Equatable {
        case planned, deleted
        case refused(String)
        case failed(String)
    }

    struct Partition: Sendable {
        var partition: TopicPartition
        var committed: Int64
        var outcome = Outcome.planned
    }

    private let name: String
    private let isWhole: Bool
    private var partitions: [Partition]
    private var outcome = Outcome.planned

    /// Plans.
    ///
    /// - Parameter topics: nil is the group itself.
    /// - Throws: ``CommandFailure`` when there is no such group, or nothing committed for a selected topic.
    init(_ name: String, _ session: GroupSession, topics: TopicOptions?) async throws {
        self.name = name
        let description = try await session.admin.describeGroup(name)
        let committed = try await session.committed(name)
        if description.isUnknown, committed.isEmpty { throw try await session.notFound(name) }
        isWhole = topics == nil
        // What is committed can be forgotten, whether or not the topic still exists.
        let selected = committed.keys.filter { partition in
            topics.map { $0.allTopics || $0.topics.contains { $0.contains(partition) } } ?? true
        }
        for selection in topics?.topics ?? [] where !committed.keys.contains(where: selection.contains) {
            throw CommandFailure(
                .notFound,
                "group \"\(name)\" has committed nothing for \"\(selection.topic)\", so there is nothing to delete")
        }
        partitions = selected.sorted().map { Partition(partition: $0, committed: committed[$0] ?? 0) }
        if isWhole {
            if !description.isIdle {
                outcome = .refused("it is \(description.state) with \(description.members.count) members")
            }
        } else {
            let worked = Set(description.members.flatMap(\.partitions).map(\.topic))
            for index in partitions.indices where worked.contains(partitions[index].partition.topic) {
                partitions[index].outcome = .refused("members of the group subscribe to the topic")
            }
        }
    }

    mutating func execute(_ session: GroupSession) async {
        if isWhole {
            guard outcome == .planned else { return }
            outcome = await Self.attempt {
                guard let result = try await session.admin.deleteGroups([name])[name] else { return }
                try result.get()
            }
        } else {
            let planned = partitions.filter { $0.outcome == .planned }.map(\.partition)
            var results: [TopicPartition: Result<Void, KafkaError>] = [:]
            let whole = await Self.attempt {
                results = try await session.admin.deleteCommittedOffsets(ofGroup: name, partitions: planned)
            }
            for index in partitions.indices where partitions[index].outcome == .planned {
                switch results[partitions[index].partition] {
                case .success: partitions[index].outcome = .deleted
                case .failure(let error): partitions[index].outcome = Self.outcome(of: error)
                case nil: partitions[index].outcome = whole == .deleted ? .failed("the broker did not say") : whole
                }
            }
        }
        let deleted = isWhole ? (outcome == .deleted ? partitions : []) : partitions.filter { $0.outcome == .deleted }
        guard !deleted.isEmpty || outcome == .deleted else { return }
        await AdminAction.record(
            isWhole ? "offsets.delete-group" : "offsets.delete", target: name,
            details: Dictionary(deleted.map { ("\($0.partition)", "\($0.committed)") }) { first, _ in first },
            in: RegistryJournal(session.configuration))
    }

    private static func attempt(_ body: () async throws -> Void) async -> Outcome {
        do {
            try await body()
            return .deleted
        } catch let error as KafkaError {
            return outcome(of: error)
        } catch {
            return .failed("\(error)")
        }
    }

    private static func outcome(of error: KafkaError) -> Outcome {
        error.isGroupInUse ? .refused(error.reason) : .failed("\(error)")
    }

    // MARK: Report

    var text: String {
        var table = TextTable([
            ("GROUP", .left), ("TOPIC", .left), ("PARTITION", .right), ("COMMITTED", .right), ("STATUS", .left),
        ])
        for one in partitions {
            table.append(
                name, one.partition.topic, "\(one.partition.partition)", "\(one.committed)",
                Self.words(isWhole ? outcome : one.outcome))
        }
        let heading = isWhole ? "group \(name): \(Self.words(outcome))" : ""
        return [heading, table.rows.isEmpty ? "" : table.render()].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    var document: JSONValue {
        [
            "group": .string(name), "whole": .bool(isWhole),
            "outcome": isWhole ? .string(Self.words(outcome)) : .null,
            "partitions": .array(
                partitions.map { one in
                    [
                        "topic": .string(one.partition.topic), "partition": .integer(Int64(one.partition.partition)),
                        "committed": .integer(one.committed),
                        "outcome": .string(Self.words(isWhole ? outcome : one.outcome)),
                    ]
                }),
        ]
    }

    private static func words(_ outcome: Outcome) -> String {
        switch outcome {
        case .planned: "would be deleted"
        case .deleted: "deleted"
        case .refused(let reason): "refused: \(reason)"
        case .failed(let reason): "failed: \(reason)"
        }
    }

    /// Throws what the exit code should be.
    func check() throws {
        let outcomes = (isWhole ? [outcome] : partitions.map(\.outcome))
        for outcome in outcomes {
            switch outcome {
            case .planned, .deleted: continue
            case .refused(let reason): throw CommandFailure(.refused, "group \"\(name)\": \(reason)")
            case .failed(let reason): throw CommandFailure(.broker, "group \"\(name)\": \(reason)")
            }
        }
    }
}
