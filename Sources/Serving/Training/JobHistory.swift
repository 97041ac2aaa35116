package import Training

/// What the topics say of a job: all that whoever goes on with it knows.
package struct JobHistory: Sendable, Hashable {
    /// The first: what was resolved then holds for good.
    package private(set) var acceptance: TrainingEvent.Acceptance?
    /// When, in milliseconds since 1970-01-01 UTC.
    package private(set) var acceptedAt: Int64?
    /// How often the job was begun.
    package private(set) var attempts = 0
    /// How often whoever coordinated it let go of it alive.
    private var releases = 0
    /// How often it was begun anew while a fit that judges was begun and never heard of again: that fit ended the process, and
    /// is given up by itself.
    private var blamed = 0
    /// Fits that were begun since the job was begun last.
    private var open: Set<FitID> = []
    /// Of the fits that judge. The first of several counts, so that everybody reads the same.
    package private(set) var judgements: [FitID: TrainingEvent.Judgement] = [:]
    /// Fits that are on the task topic.
    package private(set) var published: Set<FitID> = []
    /// How often fits that judge were begun and not released.
    private var starts: [FitID: Int] = [:]
    /// The job has come to its end.
    package private(set) var isOver = false

    package init() {}

    /// How often the job was begun and ended neither itself nor by being let go of nor by a fit that judges.
    package var deaths: Int { max(0, attempts - releases - blamed - (open.isEmpty ? 0 : 1)) }

    package mutating func take(_ event: TrainingEvent) {
        switch event.change {
        case .accepted(let acceptance):
            attempts = max(attempts, acceptance.attempt)
            if !open.isEmpty { blamed += 1 }
            open = []
            guard self.acceptance == nil else { return }
            self.acceptance = acceptance
            acceptedAt = event.time
        case .started(let start):
            starts[start.fit, default: 0] += 1
            if acceptance != nil { open.insert(start.fit) }
        case .released(let fit?):
            starts[fit] = max(0, (starts[fit] ?? 0) - 1)
            open.remove(fit)
        case .released(nil):
            releases += 1
            open = []
        case .evaluated(let fit, let judgement):
            open.remove(fit)
            if judgements[fit] == nil { judgements[fit] = judgement }
        case .progress: return
        case .completed, .failed, .cancelled: isOver = true
        }
    }

    package mutating func take(published fit: FitID) { published.insert(fit) }

    /// What whoever takes a fit's task is to do.
    package func step(_ fit: FitID, maximumAttempts: Int) -> TaskStep {
        if isOver || judgements[fit] != nil { return .pass }
        let starts = starts[fit] ?? 0
        return starts < maximumAttempts
            ? .begin(attempt: starts + 1)
            : .giveUp(
                TrainingFailure(
                    .tooManyAttempts, "the fit was begun \(starts) times, and each time its process ended with it"))
    }
}

/// What is to be done with a task.
package enum TaskStep: Sendable, Hashable {
    /// Nobody waits for a result any more.
    case pass
    /// - Parameter attempt: from 1; above, its process has died with the fit before.
    case begin(attempt: Int)
    case giveUp(TrainingFailure)
}
