public import JSONDocuments

/// One fit of a job: a trial of its search on one split of its rows.
public struct FitID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 0 without a search.
    public let trial: Int
    /// nil for a fit to all rows.
    public let fold: Int?

    public init(trial: Int, fold: Int?) { (self.trial, self.fold) = (trial, fold) }

    /// `t0-f2`, or `t0` of a fit to all rows.
    public var description: String { fold.map { "t\(trial)-f\($0)" } ?? "t\(trial)" }

    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts[0].first == "t", let trial = Int(parts[0].dropFirst()), trial >= 0
        else { return nil }
        if parts.count == 1 {
            self.init(trial: trial, fold: nil)
        } else {
            guard parts[1].first == "f", let fold = Int(parts[1].dropFirst()), fold >= 0 else { return nil }
            self.init(trial: trial, fold: fold)
        }
    }

    public static func < (left: FitID, right: FitID) -> Bool {
        (left.trial, left.fold ?? Int.max) < (right.trial, right.fold ?? Int.max)
    }
}

/// Which fits a job needs: a pure function of the request and of the results so far, so that whoever takes the job over goes on
/// where another stopped.
///
/// Held-out rows (`hold_out`, or none) need one fit, whose model is the result. Folds need a fit each, and a last one to all
/// rows. A search needs these for every trial, and its last fit is the best trial's.
public struct TrainingJob: Sendable {
    /// A fit and what it is asked.
    public struct Fit: Sendable, Hashable {
        public let id: FitID
        /// The job's request with the trial's values in their places.
        public let request: JSONValue

        public init(id: FitID, request: JSONValue) { (self.id, self.request) = (id, request) }
    }

    public enum Next: Sendable, Hashable {
        /// Fits that only judge and have no result yet, to be done in any order or at once.
        case judge([Fit])
        /// The fit whose model is the job's.
        case fit(Fit)
        /// No trial of the search has a result.
        case failed(String)
    }

    public let request: TrainingRequest
    /// Of the evaluation: 1 for a hold-out or none.
    public let foldCount: Int
    private let search: Search?

    /// Fits of the whole job, when no trial fails.
    public let fitCount: Int

    /// - Throws: ``JSONError`` when the job takes more fits than the limit.
    public init(
        _ request: TrainingRequest, foldCount: Int, limits: TrainingLimits = .default
    ) throws(JSONError) {
        (self.request, self.foldCount) = (request, foldCount)
        search = request.search.map { Search($0, seed: request.seed) }
        let trials = search?.spec.trialCount ?? 1
        let refits =
            switch request.evaluation.method {
            case .kFold, .leaveOneOut: true
            case .holdOut, .none: false
            }
        let (judging, overflow) = foldCount.multipliedReportingOverflow(by: trials)
        // The last fit of held-out rows without a search is the one that is judged.
        fitCount = search == nil && !refits ? 1 : overflow ? .max : judging + 1
        guard fitCount <= limits.maximumFits else {
            throw JSONError(
                at: .path(search == nil ? "evaluation" : "search"),
                "found \(foldCount) folds of \(trials) trials, expected at most \(limits.maximumFits) fits in all")
        }
    }

    /// Whether the last fit takes all rows.
    private var refitsAll: Bool {
        switch request.evaluation.method {
        case .kFold, .leaveOneOut: true
        case .holdOut, .none: false
        }
    }

    private func lastFit(_ trial: Int) -> FitID { FitID(trial: trial, fold: refitsAll ? nil : 0) }

    private func judging(_ trial: Int) -> [FitID] { (0..<foldCount).map { FitID(trial: trial, fold: $0) } }

    /// - Parameter results: of the fits that judge; nil for one that failed.
    /// - Throws: ``JSONError`` when a trial's value does not fit where it goes.
    public func next(_ results: [FitID: EvaluationReport?]) throws(JSONError) -> Next {
        guard let search else {
            let missing = refitsAll ? judging(0).filter { results[$0] == nil } : []
            return missing.isEmpty
                ? .fit(Fit(id: lastFit(0), request: lastRequest(request.json, 0, results)))
                : .judge(missing.map { Fit(id: $0, request: request.json) })
        }
        switch search.next(scores(search, results)) {
        case .run(let trials):
            var fits: [Fit] = []
            for trial in trials {
                let changed = try search.request(request.json, for: trial)
                for id in judging(trial.id) where results[id] == nil { fits.append(Fit(id: id, request: changed)) }
            }
            return .judge(fits)
        case .finished(let best?):
            let changed = try search.request(request.json, for: best)
            return .fit(Fit(id: lastFit(best.id), request: lastRequest(changed, best.id, results)))
        case .finished(nil): return .failed("every trial of the search failed")
        }
    }

    /// What the last fit is asked. One to all rows has none to measure by: where its folds stopped by what they measured, it
    /// trains for as long as they did, on average.
    private func lastRequest(
        _ request: JSONValue, _ trial: Int, _ results: [FitID: EvaluationReport?]
    ) -> JSONValue {
        guard refitsAll, case .object(var members) = request, case .object(let stopping)? = members["early_stopping"],
            stopping["after"] == nil, stopping["monitor"] != "loss"
        else { return request }
        let epochs = judging(trial).compactMap { results[$0]??.epochs }
        guard !epochs.isEmpty else { return request }
        let mean = Double(epochs.reduce(0, +)) / Double(epochs.count)
        members["early_stopping"] = ["after": .integer(Int64(max(1, mean.rounded())))]
        return .object(members)
    }

    /// A trial's score is the mean over its folds; nil once one of them failed.
    private func scores(_ search: Search, _ results: [FitID: EvaluationReport?]) -> [Int: Double?] {
        var scores: [Int: Double?] = [:]
        for trial in Set(results.keys.map(\.trial)) {
            let known = judging(trial).compactMap { results[$0] }
            if known.contains(where: { $0 == nil }) {
                scores.updateValue(nil, forKey: trial)
            } else if known.count == foldCount {
                let values = known.compactMap { $0?.values[search.spec.metric] }
                let isComplete = values.count == foldCount
                scores.updateValue(isComplete ? values.reduce(0, +) / Double(foldCount) : nil, forKey: trial)
            }
        }
        return scores
    }

    /// Mean and deviation of every metric over the folds of a trial.
    public func summary(_ trial: Int, _ results: [FitID: EvaluationReport?]) -> [Metric: FoldSummary] {
        FoldSummary.summaries(judging(trial).compactMap { results[$0] ?? nil })
    }
}
