import JSONDocuments
import ModelRegistry
package import Training

/// Decides what is to be done next for one job, from what the topics say and from what came of the last action.
///
/// A value without clock, thread or broker. Whoever is killed at any action is followed by another that begins with the
/// topics' history and comes to the same end: every action but the last can be done again, and the last is one
/// transaction.
package struct JobCoordinator: Sendable {
    package enum Action: Sendable, Hashable {
        /// Find out which offsets and which base version the request means now.
        case resolve(TrainingRequest)
        /// Read the rows.
        case load(TrainingRequest, ResolvedRanges?)
        /// Write the `accepted` event.
        case accept(TrainingEvent.Acceptance)
        /// Write tasks.
        case publish([TrainingJob.Fit])
        /// Wait for an `evaluated` event.
        case wait
        /// Make the fit whose model is the job's.
        case fit(TrainingJob.Fit)
        /// In one transaction: the version, the alias if it is promoted, the `completed` event, the request's offset.
        case complete
        /// In one transaction: the last event and the request's offset.
        case end(Ending)
        /// The job is over; only the request's offset is behind.
        case skip
    }

    package enum Ending: Sendable, Hashable {
        case failed(TrainingFailure)
        case cancelled
    }

    package enum Input: Sendable, Hashable {
        /// What the topics say of the job.
        case began(JobHistory)
        case resolved(ResolvedRanges?, TrainingEvent.Base?)
        /// The rows are there, and so many folds of them.
        case loaded(folds: Int)
        case accepted
        case published
        case evaluated(FitID, TrainingEvent.Judgement)
        case fitted
        /// The last action cannot succeed.
        case failed(TrainingFailure)
        /// Somebody wished so.
        case cancelled
        /// The last transaction is committed.
        case ended
    }

    private let command: TrainingCommand
    private let limits: TrainingLimits
    private let maximumAttempts: Int
    private var request: TrainingRequest?
    private var acceptance: TrainingEvent.Acceptance?
    private var job: TrainingJob?
    private var published: Set<FitID> = []
    private var judgements: [FitID: TrainingEvent.Judgement] = [:]
    /// The fit that the version is made of, once it is known.
    package private(set) var lastFit: TrainingJob.Fit?

    package init(_ command: TrainingCommand, limits: TrainingLimits = .default, maximumAttempts: Int = 10) {
        self.command = command
        self.limits = limits
        self.maximumAttempts = maximumAttempts
    }

    /// The name of the model; by the record's key until the request has been read.
    package var model: String { request?.model ?? command.model }
    package var promotion: PromotionRule? { request?.promotion }
    /// The request as it was read.
    package var original: TrainingRequest? { request }
    /// What was resolved, once the job is accepted.
    package var accepted: TrainingEvent.Acceptance? { acceptance }

    /// Mean and deviation of every metric over the folds of the last fit's trial; empty without folds.
    package var summary: [Metric: FoldSummary] {
        guard let lastFit, lastFit.id.fold == nil else { return [:] }
        return job?.summary(lastFit.id.trial, judgements.mapValues(\.report)) ?? [:]
    }

    /// - Returns: nil once the job has come to its end.
    package mutating func next(_ input: Input) -> Action? {
        do throws(TrainingFailure) {
            return try act(on: input)
        } catch {
            return .end(.failed(error))
        }
    }

    private mutating func act(on input: Input) throws(TrainingFailure) -> Action? {
        switch input {
        case .began(let history): return try begin(history)
        case .resolved(let ranges, let base):
            acceptance = TrainingEvent.Acceptance(ranges: ranges, folds: 0, base: base, attempt: 1)
            return .load(try effectiveRequest(), ranges)
        case .loaded(let folds):
            guard var acceptance else { return .skip }
            acceptance.folds = folds
            self.acceptance = acceptance
            let request = try effectiveRequest()
            do throws(JSONError) {
                job = try TrainingJob(request, foldCount: folds, limits: limits)
            } catch {
                throw TrainingFailure(.invalidRequest, "\(error)")
            }
            return .accept(acceptance)
        case .accepted, .published: return try advance()
        case .evaluated(let fit, let judgement):
            if judgements[fit] == nil { judgements[fit] = judgement }
            return try advance()
        case .fitted: return .complete
        case .failed(let failure): throw failure
        case .cancelled: return .end(.cancelled)
        case .ended: return nil
        }
    }

    private mutating func begin(_ history: JobHistory) throws(TrainingFailure) -> Action {
        if history.isOver { return .skip }
        guard history.deaths < maximumAttempts else {
            throw TrainingFailure(
                .tooManyAttempts, "the job was begun \(history.deaths) times and never came to an end")
        }
        let request = try readRequest()
        self.request = request
        published = history.published
        judgements = history.judgements
        guard var acceptance = history.acceptance else { return .resolve(request) }
        acceptance.attempt = history.attempts + 1
        self.acceptance = acceptance
        return .load(try effectiveRequest(), acceptance.ranges)
    }

    private func readRequest() throws(TrainingFailure) -> TrainingRequest {
        if let refusal = command.refusal { throw TrainingFailure(.invalidRequest, refusal) }
        do throws(JSONError) {
            let request = try TrainingRequest(JSONValue(parsing: command.value), limits: limits)
            try request.checkReferences()
            return request
        } catch {
            throw TrainingFailure(.invalidRequest, "\(error)")
        }
    }

    /// The request with the base version by its number: an alias may mean another by the time that a fit begins.
    private func effectiveRequest() throws(TrainingFailure) -> TrainingRequest {
        guard let request else { throw TrainingFailure(.internal, "no request has been read") }
        guard let base = acceptance?.base, case .object(var members) = request.json,
            case .object(var subject)? = members["base"]
        else { return request }
        subject["model"] = .string(base.identity.name)
        subject["version"] = .integer(Int64(base.identity.number))
        members["base"] = .object(subject)
        do throws(JSONError) {
            return try TrainingRequest(JSONValue.object(members), limits: limits)
        } catch {
            throw TrainingFailure(.invalidRequest, "\(error)")
        }
    }

    private mutating func advance() throws(TrainingFailure) -> Action {
        guard let job else { throw TrainingFailure(.internal, "the job has no rows yet") }
        // A trial may fail, the others go on. A fold that fails leaves nothing to judge the model by.
        if job.request.search == nil {
            for (fit, judgement) in judgements.sorted(by: { $0.key < $1.key }) {
                if case .error(let message) = judgement { throw TrainingFailure(fit, message) }
            }
        }
        let next: TrainingJob.Next
        do throws(JSONError) {
            next = try job.next(judgements.mapValues(\.report))
        } catch {
            throw TrainingFailure(.invalidRequest, "\(error)")
        }
        switch next {
        case .judge(let fits):
            let unpublished = fits.filter { !published.contains($0.id) }
            published.formUnion(unpublished.map(\.id))
            return unpublished.isEmpty ? .wait : .publish(unpublished)
        case .fit(let fit):
            lastFit = fit
            return .fit(fit)
        case .failed(let message): throw TrainingFailure(.noResult, message)
        }
    }
}
