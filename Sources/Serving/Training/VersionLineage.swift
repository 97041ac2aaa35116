package import JSONDocuments
package import Training

/// Where a version comes from: the manifest's member `training`, enough to make the version again.
package enum VersionLineage {
    /// - Parameter engine: the identity of the engine that fitted and judged it.
    static func json(
        _ command: TrainingCommand, source: String, coordinator: JobCoordinator, rows: TrainingRows,
        outcome: FitOutcome, engine: String, settings: TrainingSettings
    ) -> JSONValue {
        var dataset: [String: JSONValue] = [
            "digest": .string(rows.dataset.digest), "rows": .integer(Int64(rows.dataset.rowCount)),
        ]
        if let ranges = coordinator.accepted?.ranges { dataset["ranges"] = ranges.json }
        if rows.poison.count > 0 { dataset["poison"] = rows.poison.json }
        var members: [String: JSONValue] = [
            "job": .string(command.job),
            "source": .string(source),
            "dataset": .object(dataset),
            "engine": .string(engine),
            "build": .string(settings.build),
            "instance": .string(settings.instanceID),
        ]
        if let request = coordinator.original {
            members["request"] = request.json
            members["seed"] = .integer(Int64(clamping: request.seed))
        }
        if let base = coordinator.accepted?.base { members["base"] = base.json }
        if let fit = coordinator.lastFit {
            members["fit"] = .string(fit.id.description)
            // With the values that the search chose.
            if fit.request != coordinator.original?.json { members["fitted_request"] = fit.request }
        }
        let summary = coordinator.summary
        if !summary.isEmpty { members["folds"] = FoldSummary.json(summary) }
        if let report = outcome.report { members["report"] = report.json }
        if !outcome.history.isEmpty { members["history"] = .array(outcome.history.map(\.json)) }
        if let names = outcome.classNames { members["classes"] = .array(names.map { .string($0) }) }
        if !outcome.warnings.isEmpty { members["warnings"] = .array(outcome.warnings.map { .string($0) }) }
        if let details = outcome.details { members["details"] = details }
        return .object(members)
    }

    /// What the folds of a version scored, if they are those of the request, of the same rows.
    /// - Parameters:
    ///   - training: of the version's manifest.
    ///   - digest: of the request's rows.
    package static func folds(
        _ training: JSONValue?, of request: TrainingRequest, digest: String
    ) -> [Metric: FoldSummary]? {
        guard let json = training.map({ JSONCursor($0) }),
            (try? json.member("dataset").member("digest").string()) == digest,
            let recorded = try? json.member("request"),
            (try? recorded.optionalMember("evaluation").map { try SplitSpec($0) }) == request.evaluation,
            UInt64(exactly: (try? json.member("seed").integer()) ?? -1) == request.seed
        else { return nil }
        return try? FoldSummary.summaries(json.optionalMember("folds"))
    }
}
