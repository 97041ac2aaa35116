import JSONDocuments
import ModelFormats
import TensorEngine
import Training

/// What a training in this process came to, as text and as a document.
struct TrainingReport {
    let request: TrainingRequest
    let result: LocalTraining.Result
    let model: TrainedModel
    let dataset: any Dataset
    let poison: PoisonRecords

    // MARK: For people

    var text: String {
        var parts: [String] = []
        if let trials { parts.append(trials) }
        let folds = result.ownFolds.compactMap { one -> (title: String, report: EvaluationReport)? in
            one.report.map { (title(one.fit.id), $0) }
        }
        if let report = result.outcome.report {
            parts.append(MetricText.table([(title: "HELD OUT", report: report)]))
        } else if !folds.isEmpty {
            parts.append(MetricText.table(folds, summaries: result.folds))
        } else {
            parts.append("no rows were held out: there are no metrics")
        }
        if let report = result.outcome.report ?? (folds.count == 1 ? folds[0].report : nil),
            let classes = MetricText.classes(report)
        {
            parts.append(classes)
        }
        parts.append(summary)
        return parts.joined(separator: "\n\n")
    }

    private func title(_ id: FitID) -> String { id.fold.map { "FOLD \($0)" } ?? "ALL" }

    private var summary: String {
        var table = TextTable([("FIELD", .left), ("VALUE", .left)])
        table.append("model", request.model)
        table.append("rows", "\(dataset.rowCount)\(poison.count > 0 ? ", \(poison.count) bad ones left out" : "")")
        table.append("fit", "\(result.fit.id) of \(result.judged.count + 1)")
        if !result.outcome.history.isEmpty {
            let loss = result.outcome.history.last.map { ", loss \(MetricText.short($0.loss))" } ?? ""
            table.append("epochs", "\(result.outcome.history.count)\(loss)")
        }
        table.append("seconds", NumberText.fixed(seconds, digits: 2))
        table.append("seed", "\(request.seed)")
        table.append("dataset", dataset.digest)
        table.append("weights", model.bundle.manifest.weightsSHA256)
        for warning in result.warnings { table.append("warning", warning) }
        return table.render()
    }

    private var seconds: Double { result.judged.reduce(result.seconds) { $0 + $1.seconds } }

    /// Nil without a search.
    private var trials: String? {
        guard let search = request.search else { return nil }
        let paths = search.parameters.keys.sorted()
        var columns: [(title: String, alignment: TextTable.Alignment)] = [("TRIAL", .left)]
        columns += paths.map { ($0.description.uppercased(), .right) }
        columns += [(search.metric.rawValue.uppercased(), .right), ("", .left)]
        var table = TextTable(columns)
        for trial in trialIDs {
            let fits = result.judged.filter { $0.fit.id.trial == trial }
            guard let first = fits.first else { continue }
            let scores = FoldSummary(fits.compactMap { $0.report?.values[search.metric] })
            var cells = ["t\(trial)"]
            cells += paths.map { path in
                TrialValue.read(path, in: first.fit.request).map { String(decoding: $0.serialized(), as: UTF8.self) }
                    ?? ""
            }
            let failure = fits.lazy.compactMap(\.failure).first
            let deviation = scores.values.count > 1 ? " ± \(MetricText.short(scores.standardDeviation))" : ""
            cells.append(failure == nil ? MetricText.short(scores.mean) + deviation : "")
            cells.append(failure ?? (trial == result.fit.id.trial ? "best" : ""))
            table.append(cells: cells)
        }
        return table.render()
    }

    private var trialIDs: [Int] { Set(result.judged.map(\.fit.id.trial)).sorted() }

    // MARK: For programs

    var document: [String: JSONValue] {
        var document: [String: JSONValue] = [
            "model": .string(request.model), "seed": .integer(Int64(clamping: request.seed)),
            "fit": .string(result.fit.id.description), "engine": .string(model.engine),
            "weights": .string(model.bundle.manifest.weightsSHA256),
            "dataset": .object([
                "digest": .string(dataset.digest), "rows": .integer(Int64(dataset.rowCount)), "poison": poison.json,
            ]),
            "metrics": .object(
                Dictionary(uniqueKeysWithValues: result.metrics.map { ($0.key.rawValue, .real($0.value)) })),
            "report": result.outcome.report?.json ?? .null,
            "history": .array(result.outcome.history.map(\.json)),
            "warnings": .array(result.warnings.map { .string($0) }), "seconds": .real(seconds),
        ]
        if let details = result.outcome.details { document["details"] = details }
        if !result.folds.isEmpty { document["folds"] = FoldSummary.json(result.folds) }
        if !result.judged.isEmpty { document["fits"] = .array(result.judged.map(self.document)) }
        return document
    }

    private func document(_ one: LocalTraining.Judged) -> JSONValue {
        var members: [String: JSONValue] = [
            "fit": .string(one.fit.id.description), "seconds": .real(one.seconds),
            "report": one.report?.json ?? .null,
        ]
        if let failure = one.failure { members["error"] = .string(failure) }
        if let search = request.search {
            members["values"] = .object(
                Dictionary(
                    uniqueKeysWithValues: search.parameters.keys.map { path in
                        (path.description, TrialValue.read(path, in: one.fit.request) ?? .null)
                    }))
        }
        return .object(members)
    }
}

/// What a trial's request has at the place that a search varies.
enum TrialValue {
    static func read(_ path: SearchPath, in request: JSONValue) -> JSONValue? {
        var place = JSONCursor(request)
        for part in path.description.split(separator: ".") {
            let pieces = part.split(separator: "[")
            guard let name = pieces.first, let member = try? place.optionalMember(String(name)) else { return nil }
            place = member
            for piece in pieces.dropFirst() {
                guard let index = Int(piece.dropLast()), let elements = try? place.elements(),
                    elements.indices.contains(index)
                else { return nil }
                place = elements[index]
            }
        }
        return place.value
    }
}
