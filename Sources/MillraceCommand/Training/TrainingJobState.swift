import JSONDocuments
import Training

/// What the events of a job say of it.
struct TrainingJobState: Sendable {
    let job: String
    private(set) var model: String
    /// The name of the last event, but that a fit's end does not end progress.
    private(set) var state = ""
    /// Of the first and the last event.
    private(set) var begun: String
    private(set) var updated: String
    private(set) var folds = 1
    private(set) var progress: TrainingProgress?
    /// By fit; nil for one that failed.
    private(set) var reports: [String: EvaluationReport?] = [:]
    private(set) var failures: [String: String] = [:]
    private(set) var completion: TrainingEventRecord.Completion?
    private(set) var failure: (code: String, message: String)?
    private(set) var source: String?
    private(set) var isOver = false
    /// Epochs by fit.
    private(set) var histories: [String: TrainingHistory] = [:]

    init(_ event: TrainingEventRecord) {
        (job, model, begun, updated) = (event.job, event.model, event.time, event.time)
        take(event)
    }

    mutating func take(_ event: TrainingEventRecord) {
        updated = event.time
        source = event.source ?? source
        // What an instance says that did not know yet changes nothing.
        guard !isOver else { return }
        switch event.change {
        case .accepted(let folds): (self.folds, state) = (folds, "accepted")
        case .progress(let progress):
            (self.progress, state) = (progress, "running")
            histories[progress.fit, default: TrainingHistory()].append(progress)
        case .evaluated(let fit, let report, let failure):
            state = "running"
            reports.updateValue(report, forKey: fit)
            if let failure { failures[fit] = failure }
        case .completed(let completion): (self.completion, state) = (completion, "completed")
        case .failed(let code, let message): (failure, state) = ((code, message), "failed")
        case .cancelled: state = "cancelled"
        }
        isOver = event.isLast
    }

    /// How the process of a command that waited for the job ends.
    var exitStatus: ExitStatus { completion == nil ? .difference : .success }

    // MARK: For people

    static func table(_ jobs: [TrainingJobState]) -> String {
        guard !jobs.isEmpty else { return "no jobs" }
        var table = TextTable([
            ("JOB", .left), ("MODEL", .left), ("STATE", .left), ("BEGUN", .left), ("UPDATED", .left),
            ("PROGRESS", .left), ("LOSS", .right), ("RESULT", .left),
        ])
        for job in jobs {
            table.append(
                job.job, job.model, job.state, job.begun, job.updated, job.isOver ? "" : job.progressText,
                job.completion == nil ? job.progress.map { MetricText.short($0.loss) } ?? "" : "", job.resultText)
        }
        return table.render()
    }

    private var progressText: String {
        guard let progress else { return "" }
        let share = progress.steps > 0 ? " \(100 * progress.step / progress.steps) %" : ""
        let fits = reports.isEmpty ? "" : ", \(reports.count) fits done"
        return "\(progress.fit)\(share)\(fits)"
    }

    private var resultText: String {
        if let completion {
            return "version \(completion.version)\(completion.isPromoted ? ", promoted" : ""), "
                + TrainingEventRecord.metrics(completion.metrics)
        }
        return failure.map { "\($0.code): \($0.message)" } ?? ""
    }

    /// One job at length.
    var text: String {
        var table = TextTable([("FIELD", .left), ("VALUE", .left)])
        table.append("job", job)
        table.append("model", model)
        table.append("state", state)
        table.append("begun", begun)
        table.append("updated", updated)
        if let source { table.append("request", source) }
        if let progress, !isOver {
            table.append("progress", progressText)
            table.append("epoch", "\(progress.epoch + 1)")
            table.append("loss", MetricText.short(progress.loss))
        }
        if let completion {
            table.append("version", "\(model)@\(completion.version)\(completion.isPromoted ? ", promoted" : "")")
            table.append("weights", completion.weights)
            table.append("dataset", completion.dataset)
        }
        if let failure { table.append("failure", "\(failure.code): \(failure.message)") }
        for (fit, message) in failures.sorted(by: { $0.key < $1.key }) { table.append("fit \(fit)", message) }
        let metrics = metricsText
        return table.render() + (metrics.isEmpty ? "" : "\n\n" + metrics)
    }

    private var metricsText: String {
        let judged = reports.sorted { $0.key < $1.key }.compactMap {
            one -> (title: String, report: EvaluationReport)? in
            one.value.map { (one.key, $0) }
        }
        guard let completion else { return judged.isEmpty ? "" : MetricText.table(judged) }
        guard completion.folds.isEmpty else { return MetricText.table(judged, summaries: completion.folds) }
        guard !completion.metrics.isEmpty else { return "" }
        return MetricText.table([
            (title: "HELD OUT", report: EvaluationReport(rowCount: 0, values: completion.metrics))
        ])
    }

    // MARK: For programs

    var document: JSONValue {
        var members: [String: JSONValue] = [
            "job": .string(job), "model": .string(model), "state": .string(state), "begun": .string(begun),
            "updated": .string(updated), "folds": .integer(Int64(folds)),
        ]
        if let source { members["request"] = .string(source) }
        if let progress {
            members["progress"] = .object([
                "fit": .string(progress.fit), "epoch": .integer(Int64(progress.epoch)),
                "step": .integer(Int64(progress.step)), "steps": .integer(Int64(progress.steps)),
                "loss": .real(progress.loss),
            ])
        }
        if !reports.isEmpty {
            members["fits"] = .object(
                Dictionary(
                    uniqueKeysWithValues: reports.map { fit, report in
                        (fit, report?.json ?? .object(["error": .string(failures[fit] ?? "")]))
                    }))
        }
        if let completion {
            members["version"] = .integer(Int64(completion.version))
            members["promoted"] = .bool(completion.isPromoted)
            members["weights"] = .string(completion.weights)
            members["dataset"] = .string(completion.dataset)
            members["metrics"] = .object(
                Dictionary(uniqueKeysWithValues: completion.metrics.map { ($0.key.rawValue, .real($0.value)) }))
            if !completion.folds.isEmpty { members["metrics_by_fold"] = FoldSummary.json(completion.folds) }
        }
        if let failure {
            members["code"] = .string(failure.code)
            members["message"] = .string(failure.message)
        }
        return .object(members)
    }
}

extension PlotSheet {
    /// A fit that was judged by itself is a fold; the one that was not is the result's.
    init(_ job: TrainingJobState) {
        let curves = job.histories.sorted { $0.key < $1.key }.map { Curves(name: $0.key, epochs: $0.value.epochs) }
        let confusion = job.completion?.confusion
        let names = job.reports.sorted { $0.key < $1.key }.lazy.compactMap { $0.value?.classes.map(\.name) }.first
        self.init(
            title: job.model, result: curves.last { job.reports[$0.name] == nil },
            folds: curves.filter { job.reports[$0.name] != nil }, confusion: confusion, classNames: names ?? [])
    }
}
