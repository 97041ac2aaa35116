package import Training

/// What the topics say of a job: all that whoever goes on with it knows.
package struct JobHistory: Sendable, Hashable {
    /// The first: what was resolved then holds for good.
    package private(set) var acceptance: TrainingEvent.Acceptance?
    /// When, in milliseconds since 1970-01-01 UTC.
    package private(set) var acceptedAt: Int64?
    /// How often the job was begun.
    package private(set) var attempts = 0
    /// Of the fits that judge; nil for one that failed. The first of several counts, so that everybody reads the same.
    package private(set) var results: [FitID: EvaluationReport?] = [:]
    /// Fits that are on the task topic.
    package private(set) var published: Set<FitID> = []
    /// The job has come to its end.
    package private(set) var isOver = false

    package init() {}

    package mutating func take(_ event: TrainingEvent) {
        switch event.change {
        case .accepted(let acceptance):
            attempts = max(attempts, acceptance.attempt)
            guard self.acceptance == nil else { return }
            self.acceptance = acceptance
            acceptedAt = event.time
        case .evaluated(let fit, let judgement):
            if results[fit] == nil { results.updateValue(judgement.report, forKey: fit) }
        case .progress: return
        case .completed, .failed, .cancelled: isOver = true
        }
    }

    package mutating func take(published fit: FitID) { published.insert(fit) }
}
