import ArgumentParser
import JSONDocuments
import ModelRegistry
import Serving

/// How far a version agrees with what its model has answered, over a range of requests.
struct AgreementMeasure: Sendable {
    let identity: ModelVersion.Identity
    let bound: AgreementBound
    let agreement: ResultAgreement

    /// Answers the range again, publishing nothing.
    ///
    /// - Throws: ``CommandFailure`` (``ExitStatus/refused``) when less agrees than the bound asks for, or nothing is there to
    ///   agree with.
    static func take(
        of identity: ModelVersion.Identity, _ bound: AgreementBound, store: String, _ tool: ClusterTool
    ) async throws -> AgreementMeasure {
        let query = ReplayQuery(
            topic: bound.topic, from: bound.from, to: bound.to, partitions: bound.partitions, model: "\(identity)",
            isOfAnswered: true)
        let scope = try await ReplayScope(query, tool)
        var runner = ReplayRunner(
            scope: scope, tool: tool, group: "\(tool.configuration.applicationID)-replay-agreement", store: store)
        runner.label = "comparing"
        let report = try await runner.run(
            scope.segments, to: .agreement(model: identity.name), resultsTopic: scope.resultsTopic)
        if report.isInterrupted { throw ExitCode(130) }
        let measure = AgreementMeasure(identity: identity, bound: bound, agreement: report.findings.agreement)
        guard measure.agreement.rows > 0 else {
            throw CommandFailure(
                .refused,
                "\(identity) is not promoted: of \(report.done) requests in the range none has a recorded prediction of "
                    + identity.name)
        }
        guard measure.agreement.share >= bound.least else {
            throw CommandFailure(
                .refused, "not promoted: \(measure.text), expected at least \(percent(bound.least))")
        }
        return measure
    }

    var text: String {
        let failed = agreement.failed > 0 ? ", \(agreement.failed) requests failed" : ""
        return "\(identity) agrees on \(Self.percent(agreement.share)) of \(agreement.rows) rows "
            + "(largest difference \(NumberText.fixed(agreement.largestDifference, digits: 6))\(failed))"
    }

    var document: JSONValue {
        .object([
            "topic": .string(bound.topic), "from": .string("\(bound.from)"),
            "to": .string(bound.to.map { "\($0)" } ?? "answered"), "least": .real(bound.least),
            "rows": .integer(Int64(agreement.rows)), "agreeing": .integer(Int64(agreement.agreeing)),
            "share": .real(agreement.share), "failed": .integer(Int64(agreement.failed)),
            "skipped": .integer(Int64(agreement.skipped)),
            // JSON has no infinity.
            "largest_difference": agreement.largestDifference.isFinite ? .real(agreement.largestDifference) : .null,
        ])
    }

    /// Written with the promotion that it allowed.
    var event: RegistryEvent.Change {
        .actionTaken(kind: "models.agreement", subject: "\(identity)", details: document)
    }

    private static func percent(_ share: Double) -> String {
        // Never rounded up to what was asked for.
        let hundredths = (share * 10_000).rounded(.down) / 100
        return NumberText.fixed(hundredths, digits: 2) + " %"
    }
}
