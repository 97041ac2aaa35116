import Serving
import Testing
import Training

/// Fits that end their process are given up, whoever takes them; those that were let go of are not.
@Suite struct TaskAttemptTests {
    private static let fit = FitID(trial: 0, fold: 1)

    /// The event topic, and an instance that takes the task again and again.
    private struct Log {
        var events: [TrainingEvent.Change] = []
        /// Deaths of the process with the fit.
        var deaths = 0

        var history: JobHistory {
            var history = JobHistory()
            for change in events { history.take(TrainingEvent(job: "j", model: "m", time: 0, change)) }
            return history
        }

        enum Life {
            case dies, isReleased, ends
        }

        mutating func take(_ life: Life, on instance: String, attempts: Int) -> TaskStep {
            let step = history.step(fit, maximumAttempts: attempts)
            guard case .begin(let attempt) = step else { return step }
            events.append(.started(.init(fit: fit, attempt: attempt, instance: instance)))
            switch life {
            case .dies: deaths += 1
            case .isReleased: events.append(.released(fit))
            case .ends: events.append(.evaluated(fit, .report(TrainingFixtures.report(0.5))))
            }
            return step
        }
    }

    @Test(arguments: 1...4) func aFitThatKillsEveryInstanceIsGivenUp(_ attempts: Int) {
        var log = Log()
        for attempt in 1...attempts {
            #expect(log.take(.dies, on: "i\(attempt % 3)", attempts: attempts) == .begin(attempt: attempt))
        }
        guard case .giveUp(let failure) = log.take(.ends, on: "other", attempts: attempts) else {
            Issue.record("expected the fit to be given up")
            return
        }
        #expect(failure.code == .tooManyAttempts && failure.message.contains("begun \(attempts) times"))
        #expect(log.deaths == attempts)
        // Once that is said, nobody says it again.
        log.events.append(.evaluated(Self.fit, .error(failure.description)))
        #expect(log.history.step(Self.fit, maximumAttempts: attempts) == .pass)
    }

    @Test func stopsAndRebalancesDoNotCount() {
        var log = Log()
        for round in 0..<20 {
            #expect(log.take(.isReleased, on: "i\(round)", attempts: 1) == .begin(attempt: 1))
        }
        #expect(log.take(.ends, on: "last", attempts: 1) == .begin(attempt: 1))
        #expect(log.take(.ends, on: "last", attempts: 1) == .pass)
    }

    @Test func anInstanceThatIsAboutToReleaseIsWaitedFor() {
        // It has lost the partition, and the next one takes the task before it has noticed.
        var history = JobHistory()
        func take(_ change: TrainingEvent.Change) {
            history.take(TrainingEvent(job: "j", model: "m", time: 0, change))
        }
        take(.started(.init(fit: Self.fit, attempt: 1, instance: "one")))
        guard case .giveUp = history.step(Self.fit, maximumAttempts: 1) else {
            Issue.record("expected nothing but that it died")
            return
        }
        take(.released(Self.fit))
        #expect(history.step(Self.fit, maximumAttempts: 1) == .begin(attempt: 1))
        // A second word of the same does not hide a later death.
        take(.released(Self.fit))
        take(.started(.init(fit: Self.fit, attempt: 1, instance: "two")))
        guard case .giveUp = history.step(Self.fit, maximumAttempts: 1) else {
            Issue.record("expected the second to have died")
            return
        }
    }

    @Test func aJobOutlivesItsFit() {
        // One process does both, and dies with the fit every time.
        var history = JobHistory()
        func take(_ change: TrainingEvent.Change) {
            history.take(TrainingEvent(job: "j", model: "m", time: 0, change))
        }
        func begin(_ attempt: Int) {
            take(.accepted(TrainingEvent.Acceptance(ranges: nil, folds: 1, attempt: attempt)))
        }
        for attempt in 1...3 {
            begin(attempt)
            take(.started(.init(fit: Self.fit, attempt: attempt, instance: "one")))
            #expect(history.deaths == 0)
        }
        begin(4)
        #expect(history.deaths == 1, "this time nothing but the job is begun")
        take(.evaluated(Self.fit, .error("TOO_MANY_ATTEMPTS: ")))
        for attempt in 5...6 { begin(attempt) }
        #expect(history.deaths == 3)
        // A stop while another instance is at a fit is one release, not two.
        take(.started(.init(fit: FitID(trial: 1, fold: 0), attempt: 1, instance: "two")))
        take(.released(nil))
        #expect(history.deaths == 2)
    }

    @Test func otherFitsAreNotBlamed() {
        var history = JobHistory()
        let other = FitID(trial: 0, fold: 2)
        history.take(
            TrainingEvent(job: "j", model: "m", time: 0, .started(.init(fit: other, attempt: 1, instance: "one"))))
        #expect(history.step(Self.fit, maximumAttempts: 1) == .begin(attempt: 1))
        history.take(TrainingEvent(job: "j", model: "m", time: 0, .cancelled))
        #expect(history.step(Self.fit, maximumAttempts: 1) == .pass)
    }
}
