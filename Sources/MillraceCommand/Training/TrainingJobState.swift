import JSONDocuments
import Serving
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
    /// The first of each fit counts.
    private(set) var judgements: [FitID: TrainingEvent.Judgement] = [:]
    private(set) var completion: TrainingEvent.Completion?
    private(set) var failure: TrainingFailure?
    private(set) var source: String?
    private(set) var isOver = false
    /// Epochs by fit.
    private(set) var histories: [FitID: TrainingHistory] = [:]

    init(_ event: TrainingEventRecord) {
        (job, model, begun, updated) = (event.job, event.model, event.time, event.time)
        take(event)
    }

    mutating func take(_ event: TrainingEventRecord) {
        updated = event.time
        source = event.source ?? source
        // What an instance says that did not know yet changes nothing.
        guard !isOver else { return }
        switch event.event.change {
        case .accepted(let acceptance): (folds, state) = (acceptance.folds, "accepted")
        case .started: state = "running"
        case .released: break
        case .progress(let progress):
            let one = TrainingProgress(progress)
            (self.progress, state) = (one, "running")
            histories[progress.fit, default: TrainingHistory()].append(one)
        case .evaluated(let fit, let judgement):
            state = "running"
            if judgements[fit] == nil { judgements[fit] = judgement }
        case .completed(let completion): (self.completion, state) = (completion, "completed")
        case .failed(let failure): (self.failure, state) = (failure, "failed")
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
        let fits = judgements.isEmpty ? "" : ", \(judgements.count) fits done"
        return "\(progress.fit)\(share)\(fits)"
    }

    private var resultText: String {
        if let completion {
            return "version \(completion.version)\(completion.promoted ? ", promoted" : ""), "
                + TrainingEventRecord.metrics(completion.metrics)
        }
        return failure?.description ?? ""
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
            table.append("version", "\(model)@\(completion.version)\(completion.promoted ? ", promoted" : "")")
            table.append("weights", completion.weights)
            table.append("dataset", completion.dataset)
        }
        if let failure { table.append("failure", failure.description) }
        for (fit, judgement) in judgements.sorted(by: { $0.key < $1.key }) {
            if case .error(let message) = judgement { table.append("fit \(fit)", message) }
        }
        let metrics = metricsText
        return table.render() + (metrics.isEmpty ? "" : "\n\n" + metrics)
    }

    private var metricsText: String {
        let judged = judgements.sorted { $0.key < $1.key }.compactMap {
            one -> (title: String, report: EvaluationReport)? in
            one.value.report.map { (one.key.description, $0) }
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
        if !judgements.isEmpty {
            members["fits"] = .object(
                Dictionary(
                    uniqueKeysWithValues: judgements.map { fit, judgement in
                        switch judgement {
                        case .report(let report): (fit.description, report.json)
                        case .error(let message): (fit.description, .object(["error": .string(message)]))
                        }
                    }))
        }
        if let completion {
            members["version"] = .integer(Int64(completion.version))
            members["promoted"] = .bool(completion.promoted)
            members["weights"] = .string(completion.weights)
            members["dataset"] = .string(completion.dataset)
            members["metrics"] = .object(
                Dictionary(uniqueKeysWithValues: completion.metrics.map { ($0.key.rawValue, .real($0.value)) }))
            if !completion.folds.isEmpty { members["metrics_by_fold"] = FoldSummary.json(completion.folds) }
        }
        if let failure {
            members["code"] = .string(failure.code.rawValue)
            members["message"] = .string(failure.message)
        }
        return .object(members)
    }
}

extension PlotSheet {
    /// A fit that was judged by itself is a fold; the one that was not is the result's.
    init(_ job: TrainingJobState) {
        let histories = job.histories.sorted { $0.key < $1.key }
        func curves(isJudged: Bool) -> [Curves] {
            histories.filter { (job.judgements[$0.key] != nil) == isJudged }.map {
                Curves(name: $0.key.description, epochs: $0.value.epochs)
            }
        }
        let names = job.judgements.sorted { $0.key < $1.key }.lazy.compactMap {
            $0.value.report?.classes.map(\.name)
        }.first
        self.init(
            title: job.model, result: curves(isJudged: false).last, folds: curves(isJudged: true),
            confusion: job.completion?.confusionMatrix, classNames: names ?? [])
    }
}
