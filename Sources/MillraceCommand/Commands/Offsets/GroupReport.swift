import JSONDocuments
import KafkaClient

/// One group as `offsets describe` shows it.
struct GroupReport: Sendable {
    struct Partition: Sendable {
        var partition: TopicPartition
        var committed: Int64?
        /// Nil when the partition does not exist any more.
        var bounds: LogBounds?
        var member: GroupDescription.Member?
        var isPending: Bool

        var lag: Int64? {
            guard let committed, let bounds else { return nil }
            return bounds.end - committed
        }
    }

    let description: GroupDescription
    /// Of what is committed and of what members work on, by topic and number.
    let partitions: [Partition]

    /// - Throws: ``CommandFailure`` when there is no such group.
    init(_ name: String, _ session: GroupSession, withOffsets: Bool) async throws {
        description = try await session.admin.describeGroup(name)
        let committed = try await session.committed(name)
        if description.isUnknown, committed.isEmpty { throw try await session.notFound(name) }
        guard withOffsets else {
            partitions = []
            return
        }
        var workers: [TopicPartition: GroupDescription.Member] = [:]
        for member in description.members {
            for partition in member.partitions { workers[partition] = member }
        }
        let all = Set(committed.keys).union(workers.keys).sorted()
        let bounds = try await session.admin.logBounds(of: all.filter(session.exists))
        let pending = try await session.pending(name, among: all)
        partitions = all.map { partition in
            Partition(
                partition: partition, committed: committed[partition], bounds: bounds[partition],
                member: workers[partition], isPending: pending.contains(partition))
        }
    }

    private var heading: String {
        let count = description.members.count
        return "group \(description.id): \(description.state), \(count) \(count == 1 ? "member" : "members")"
    }

    var offsetText: String {
        guard !partitions.isEmpty else { return "\(heading), nothing committed" }
        var table = TextTable([
            ("TOPIC", .left), ("PARTITION", .right), ("COMMITTED", .right), ("LOG-START", .right), ("LOG-END", .right),
            ("LAG", .right), ("PENDING", .left), ("MEMBER", .left), ("HOST", .left), ("CLIENT-ID", .left),
        ])
        for one in partitions {
            table.append(cells: [
                one.partition.topic, "\(one.partition.partition)", Self.text(one.committed),
                Self.text(one.bounds?.start), Self.text(one.bounds?.end), Self.text(one.lag),
                one.isPending ? "yes" : "-", one.member?.id ?? "-", one.member?.host ?? "-",
                one.member?.clientID ?? "-",
            ])
        }
        return "\(heading)\n\(table.render())"
    }

    var memberText: String {
        guard !description.members.isEmpty else { return heading }
        var table = TextTable([
            ("MEMBER", .left), ("INSTANCE", .left), ("HOST", .left), ("CLIENT-ID", .left), ("PARTITIONS", .left),
        ])
        for member in description.members {
            let topics = Dictionary(grouping: member.partitions, by: \.topic).sorted { $0.key < $1.key }
            let text = topics.map { topic, partitions in
                "\(topic):\(partitions.map { String($0.partition) }.joined(separator: ","))"
            }
            table.append(
                member.id, member.instanceID ?? "-", member.host, member.clientID,
                text.isEmpty ? "-" : text.joined(separator: " "))
        }
        return "\(heading)\n\(table.render())"
    }

    static func stateTable(_ reports: [GroupReport]) -> TextTable {
        var table = TextTable([("GROUP", .left), ("STATE", .left), ("ASSIGNOR", .left), ("MEMBERS", .right)])
        for report in reports {
            let group = report.description
            table.append(
                group.id, group.state, group.assignor.isEmpty ? "-" : group.assignor, "\(group.members.count)")
        }
        return table
    }

    var document: JSONValue {
        [
            "group": .string(description.id), "state": .string(description.state),
            "assignor": .string(description.assignor),
            "members": .array(
                description.members.map { member in
                    [
                        "id": .string(member.id), "client-id": .string(member.clientID), "host": .string(member.host),
                        "instance": member.instanceID.map { .string($0) } ?? .null,
                        "partitions": .array(member.partitions.map { .string("\($0)") }),
                    ]
                }),
            "partitions": .array(
                partitions.map { one in
                    [
                        "topic": .string(one.partition.topic),
                        "partition": .integer(Int64(one.partition.partition)),
                        "committed": Self.json(one.committed), "log-start": Self.json(one.bounds?.start),
                        "log-end": Self.json(one.bounds?.end), "lag": Self.json(one.lag),
                        "pending": .bool(one.isPending), "member": one.member.map { .string($0.id) } ?? .null,
                    ]
                }),
        ]
    }

    private static func text(_ number: Int64?) -> String { number.map(String.init) ?? "-" }

    private static func json(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }
}
