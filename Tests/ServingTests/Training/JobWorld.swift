import JSONDocuments
import ModelRegistry
import Serving
import Training

/// Topics and an instance that acts on them, so that an instance can be killed at any action.
final class JobWorld {
    enum Moment: CaseIterable {
        case before, after
    }

    let command: TrainingCommand
    var folds = 1
    /// What the rows of the topic are at the moment.
    var end: Int64 = 100
    /// Scores by fit.
    var score: @Sendable (FitID) -> Double = { 0.5 + Double($0.trial) / 10 }

    // The topics.
    private(set) var events: [TrainingEvent] = []
    private(set) var tasks: [FitID] = []
    private(set) var versions: [FitID] = []
    private(set) var isCommitted = false

    private(set) var actions = 0

    init(_ request: JSONValue) { command = TrainingFixtures.command(request) }

    var history: JobHistory {
        var history = JobHistory()
        for event in events { history.take(event) }
        for task in tasks { history.take(published: task) }
        return history
    }

    /// One life of an instance.
    /// - Parameters:
    ///   - kill: the action, counted from 0, at which it dies.
    ///   - cancelAt: the action in whose place it is told to stop.
    /// - Returns: whether the job came to its end.
    func live(kill: (action: Int, moment: Moment)? = nil, cancelAt: Int? = nil) -> Bool {
        var coordinator = JobCoordinator(command, maximumAttempts: 1000)
        var action = coordinator.next(.began(history))
        var count = 0
        while let next = action {
            if let kill, kill.action == count, kill.moment == .before { return false }
            let input: JobCoordinator.Input
            if let cancelAt, cancelAt == count {
                input = .cancelled
            } else {
                input = perform(next, coordinator)
            }
            if let kill, kill.action == count, kill.moment == .after { return false }
            count += 1
            actions = max(actions, count)
            action = coordinator.next(input)
        }
        return true
    }

    private func perform(
        _ action: JobCoordinator.Action, _ coordinator: JobCoordinator
    ) -> JobCoordinator.Input {
        switch action {
        case .resolve:
            defer { end += 1 }
            return .resolved(ResolvedRanges([0: 0..<end]), nil)
        case .load: return .loaded(folds: folds)
        case .accept(let acceptance):
            add(.accepted(acceptance))
            return .accepted
        case .publish(let fits):
            tasks += fits.map(\.id)
            return .published
        case .wait:
            // Another instance takes the first task that nobody has done.
            guard let task = tasks.first(where: { history.judgements[$0] == nil }) else { return .cancelled }
            add(.evaluated(task, .report(TrainingFixtures.report(score(task)))))
            return .evaluated(task, .report(TrainingFixtures.report(score(task))))
        case .fit: return .fitted
        case .complete:
            if let fit = coordinator.lastFit?.id { versions.append(fit) }
            add(
                .completed(
                    TrainingEvent.Completion(
                        version: versions.count, folds: coordinator.summary, promoted: true, weights: "w", bundle: "b",
                        dataset: "d")))
            isCommitted = true
            return .ended
        case .end(.failed(let failure)):
            add(.failed(failure))
            isCommitted = true
            return .ended
        case .end(.cancelled):
            add(.cancelled)
            isCommitted = true
            return .ended
        case .skip:
            isCommitted = true
            return .ended
        }
    }

    private func add(_ change: TrainingEvent.Change) {
        events.append(TrainingEvent(job: command.job, model: "points", time: Int64(events.count), change))
    }
}
