import JSONDocuments
import KafkaClient
import Serving

/// What a replay found and did.
struct ReplayReport: Sendable {
    var findings = ReplayLog.Snapshot()
    var done = 0
    var positions: [TopicPartition: Int64] = [:]
    var duration = Duration.zero
    var isVerifying = true
    var isInterrupted = false
    /// What would be done, in place of a report.
    var statement: String?
    private let segments: [ReplayPlan.Segment]

    init(_ segments: [ReplayPlan.Segment]) { self.segments = segments }

    private var rate: Double { duration > .zero ? Double(done) / (duration / .seconds(1)) : 0 }

    /// Where each partition stands.
    var positionText: String {
        segments.map { "\($0.partition)/\(positions[$0.partition] ?? $0.range.lowerBound)" }.joined(separator: ", ")
    }

    var text: String {
        if let statement { return statement }
        var lines: [String] = []
        let speed = "in \(NumberText.fixed(duration / .seconds(1), digits: 1)) s, \(Int(rate))/s"
        if isVerifying {
            lines.append(
                "\(findings.identical) of \(findings.compared) results are identical "
                    + "(\(findings.carried) errors taken over), \(speed)")
            for (version, count) in findings.versions.sorted(by: { $0.key < $1.key }) {
                lines.append("  \(version): \(count)")
            }
            for difference in findings.differences { lines.append("DIFFERENCE \(difference)") }
            if findings.differences.isEmpty, !isInterrupted { lines.append("0 differences") }
        } else {
            lines.append("\(done) requests answered, \(speed)")
        }
        if isInterrupted {
            lines.append(
                "interrupted at \(positionText); "
                    + (isVerifying ? "verify the rest with --from" : "the same command goes on from there"))
        }
        return lines.joined(separator: "\n")
    }

    var document: JSONValue {
        if let statement { return .object(["statement": .string(statement)]) }
        var members: [String: JSONValue] = [:]
        members["answered"] = .integer(Int64(done))
        members["compared"] = .integer(Int64(findings.compared))
        members["identical"] = .integer(Int64(findings.identical))
        members["carried"] = .integer(Int64(findings.carried))
        members["versions"] = .object(findings.versions.mapValues { .integer(Int64($0)) })
        members["differences"] = .array(findings.differences.map(Self.document))
        members["seconds"] = .real(duration / .seconds(1))
        members["per_second"] = .real(rate)
        members["interrupted"] = .bool(isInterrupted)
        members["positions"] = .object(
            Dictionary(uniqueKeysWithValues: positions.map { ("\($0.key)", JSONValue.integer($0.value)) }))
        return .object(members)
    }

    private static func document(_ difference: ResultDifference) -> JSONValue {
        var members: [String: JSONValue] = [
            "kind": .string(difference.kind), "source": .string(difference.source.description),
            "result": difference.result.map { .string($0.description) } ?? .null,
        ]
        if case .content(_, _, let version, let fields) = difference {
            members["version"] = version.map { .string($0) } ?? .null
            members["fields"] = .array(
                fields.map { field in
                    .object([
                        "name": .string(field.name), "recorded": .string(field.recorded),
                        "recomputed": .string(field.recomputed),
                    ])
                })
        }
        return .object(members)
    }
}
