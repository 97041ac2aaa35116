import JSONDocuments
import TensorEngine
import Training

/// Makes a request's fits one after the other, in this process.
struct LocalTraining {
    /// A fit that only judges.
    struct Judged {
        let fit: TrainingJob.Fit
        /// Nil for a fit of a search that failed.
        let report: EvaluationReport?
        /// Why it failed.
        let failure: String?
        let history: [EpochRecord]
        let seconds: Double
    }

    struct Result {
        /// In the order of their ids.
        let judged: [Judged]
        /// The fit whose model is the result.
        let fit: TrainingJob.Fit
        let outcome: FitOutcome
        let seconds: Double
        /// Over the folds of the fit's trial; empty without folds.
        let folds: [Metric: FoldSummary]
        /// What splitting the rows found worth saying, and fits.
        let warnings: [String]

        /// The fits that judged the result's own settings.
        var ownFolds: [Judged] { judged.filter { $0.fit.id.trial == fit.id.trial } }
        /// Of the rows held out, or added up over the folds.
        var confusion: ConfusionMatrix? {
            if let own = outcome.report?.confusion { return own }
            let parts = ownFolds.compactMap { $0.report?.confusion }
            guard var sum = parts.first else { return nil }
            for part in parts.dropFirst() where part.classCount == sum.classCount { sum.merge(part) }
            return sum
        }
        /// What the model is worth: of the rows held out, or the mean over the folds; what is not a number is left out.
        var metrics: [Metric: Double] {
            (outcome.report?.values ?? folds.mapValues(\.mean)).filter { $0.value.isFinite }
        }
    }

    let request: TrainingRequest
    private let dataset: any Dataset
    private let base: Graph?
    private let checkpoints: LocalCheckpoints?
    private let plan: SplitPlan
    private let job: TrainingJob

    /// - Parameter checkpoints: where it leaves how far it is; nil for nowhere.
    /// - Throws: ``DataError`` when the rows cannot be split as the request has it; ``CommandFailure`` for too many fits.
    init(
        _ request: TrainingRequest, dataset: any Dataset, base: Graph? = nil, checkpoints: LocalCheckpoints? = nil,
        limits: TrainingLimits = .default
    ) throws {
        (self.request, self.dataset, self.base, self.checkpoints) = (request, dataset, base, checkpoints)
        plan = try SplitPlan(request.evaluation, dataset, seed: request.seed)
        do throws(JSONError) {
            job = try TrainingJob(request, foldCount: plan.foldCount, limits: limits)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
    }

    /// - Parameter shouldContinue: called often; what it throws ends the training, whose checkpoints stay.
    /// - Throws: what ends a fit, or ``CommandFailure`` when every trial of a search failed.
    func run(_ display: TrainingDisplay, shouldContinue: () throws -> Void = {}) throws -> Result {
        var results: [FitID: EvaluationReport?] = [:]
        var judged: [Judged] = []
        while true {
            switch try job.next(results) {
            case .failed(let message):
                let reason = judged.last { $0.failure != nil }?.failure
                throw CommandFailure(.difference, message + (reason.map { "; the last one: \($0)" } ?? ""))
            case .judge(let fits):
                for fit in fits {
                    let count = job.fitCount
                    let known = checkpoints?.judged(fit)
                    if let known { show(known, of: count, display) }
                    let one = try known ?? judge(fit, of: count, display, shouldContinue)
                    if known == nil { try checkpoints?.keep(one) }
                    judged.append(one)
                    results.updateValue(one.report, forKey: fit.id)
                }
            case .fit(let fit):
                let started = ContinuousClock.now
                display.begin(fit.id.description, of: job.fitCount)
                let outcome = try outcome(of: fit, display, shouldContinue)
                display.end(fit.id.description, outcome.report)
                return Result(
                    judged: judged.sorted { $0.fit.id < $1.fit.id }, fit: fit, outcome: outcome,
                    seconds: (.now - started) / .seconds(1),
                    folds: judged.isEmpty ? [:] : job.summary(fit.id.trial, results),
                    warnings: plan.warnings + outcome.warnings)
            }
        }
    }

    /// A fit that an earlier process has made.
    private func show(_ judged: Judged, of count: Int, _ display: TrainingDisplay) {
        let fit = judged.fit.id.description
        display.begin(fit, of: count)
        if let failure = judged.failure { display.end(fit, failure: failure) } else { display.end(fit, judged.report) }
    }

    /// What `shouldContinue` threw: it ends the training, not only a trial.
    private struct Stopped: Error {
        let reason: any Error
    }

    private func judge(
        _ fit: TrainingJob.Fit, of count: Int, _ display: TrainingDisplay, _ shouldContinue: () throws -> Void
    ) throws -> Judged {
        let started = ContinuousClock.now
        display.begin(fit.id.description, of: count)
        do {
            let outcome = try outcome(of: fit, display) {
                do { try shouldContinue() } catch { throw Stopped(reason: error) }
            }
            display.end(fit.id.description, outcome.report)
            return Judged(
                fit: fit, report: outcome.report, failure: nil, history: outcome.history,
                seconds: (.now - started) / .seconds(1))
        } catch let stopped as Stopped {
            throw stopped.reason
        } catch let error where request.search != nil {
            // A trial may ask for what cannot be; the others go on.
            display.end(fit.id.description, failure: "\(error)")
            return Judged(
                fit: fit, report: nil, failure: "\(error)", history: [], seconds: (.now - started) / .seconds(1))
        }
    }

    private func outcome(
        of fit: TrainingJob.Fit, _ display: TrainingDisplay, _ shouldContinue: () throws -> Void
    ) throws -> FitOutcome {
        try Self.outcome(
            of: fit, dataset: dataset, base: base, checkpointPath: checkpoints?.checkpoint(of: fit.id), display,
            shouldContinue: shouldContinue)
    }

    /// Makes one fit of a job, by itself.
    static func outcome(
        of fit: TrainingJob.Fit, dataset: any Dataset, base: Graph?, checkpointPath: String? = nil,
        _ display: TrainingDisplay, shouldContinue: () throws -> Void = {}
    ) throws -> FitOutcome {
        let request = try TrainingRequest(fit.request)
        return try Fit(
            request, dataset: dataset, split: try split(fit.id, request, dataset), base: base,
            checkpointPath: checkpointPath
        ).run(
            progress: { display.update(TrainingProgress($0, fit: fit.id.description)) }, shouldContinue: shouldContinue)
    }

    /// All rows for a fit without fold.
    private static func split(_ id: FitID, _ request: TrainingRequest, _ dataset: any Dataset) throws -> Split {
        guard let fold = id.fold else { return Split(training: Array(0..<dataset.rowCount), validation: []) }
        let plan = try SplitPlan(request.evaluation, dataset, seed: request.seed)
        guard fold < plan.foldCount else {
            throw CommandFailure(
                .usage, "\(id): the evaluation has \(plan.foldCount) folds, expected more than \(fold)")
        }
        return plan.split(fold)
    }
}
