import JSONDocuments
import KafkaClient

// What a reset prints.
extension ResetRun {
    func text(isExecuted: Bool) -> String {
        var table = TextTable([
            ("GROUP", .left), ("TOPIC", .left), ("PARTITION", .right), ("COMMITTED", .right), ("NEW-OFFSET", .right),
            ("LOG-START", .right), ("LOG-END", .right), ("REMARK", .left),
        ])
        for group in groups {
            for entry in group.plan.entries {
                table.append(
                    group.name, entry.partition.topic, "\(entry.partition.partition)",
                    entry.committed.map(String.init) ?? "-", "\(entry.target)", "\(entry.bounds.start)",
                    "\(entry.bounds.end)", entry.remark?.description ?? "")
            }
        }
        let summary = isExecuted ? executedSummary : "dry run: nothing was changed; --execute sets these offsets"
        return table.rows.isEmpty ? summary : "\(table.render())\n\n\(summary)"
    }

    private var executedSummary: String {
        groups.map { group in
            let count = group.plan.entries.count
            let offsets = "\(count) \(count == 1 ? "offset" : "offsets")"
            return switch group.outcome {
            case .done: "group \(group.name): \(offsets) set"
            case .overtaken: "group \(group.name): \(offsets) set, and changed by somebody else since"
            case .planned, .interrupted: "group \(group.name): interrupted before anything was changed"
            case .refused, .failed: "group \(group.name): nothing was changed"
            }
        }.joined(separator: "\n")
    }

    func document(isExecuted: Bool) -> JSONValue {
        [
            "executed": .bool(isExecuted), "warnings": .array(warnings.map { .string($0) }),
            "groups": .array(
                groups.map { group in
                    let (outcome, reason) = Self.words(group.outcome)
                    return [
                        "group": .string(group.name), "state": .string(group.state), "outcome": .string(outcome),
                        "reason": reason.map { .string($0) } ?? .null,
                        "partitions": .array(group.plan.entries.map(Self.document)),
                    ]
                }),
        ]
    }

    private static func document(_ entry: OffsetPlan.Entry) -> JSONValue {
        [
            "topic": .string(entry.partition.topic), "partition": .integer(Int64(entry.partition.partition)),
            "committed": entry.committed.map { .integer($0) } ?? .null, "offset": .integer(entry.target),
            "log-start": .integer(entry.bounds.start), "log-end": .integer(entry.bounds.end),
            "remark": entry.remark.map { .string($0.description) } ?? .null,
        ]
    }

    private static func words(_ outcome: Outcome) -> (String, reason: String?) {
        switch outcome {
        case .planned: ("planned", nil)
        case .done: ("set", nil)
        case .refused(let reason): ("refused", reason)
        case .failed(let reason): ("failed", reason)
        case .overtaken: ("overtaken", "changed by somebody else since")
        case .interrupted: ("interrupted", nil)
        }
    }

    func file(withGroups: Bool) -> OffsetFile {
        OffsetFile(
            rows: groups.flatMap { group in
                group.plan.entries.map {
                    .init(group: withGroups ? group.name : nil, partition: $0.partition, offset: $0.target)
                }
            })
    }
}
