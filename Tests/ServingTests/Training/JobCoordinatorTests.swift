import JSONDocuments
import ModelRegistry
import Serving
import Testing
import Training

@Suite struct JobCoordinatorTests {
    private static let search: JSONValue = [
        "strategy": "grid", "metric": "accuracy",
        "parameters": ["optimizer.learning_rate": [0.1, 0.2, 0.4]],
    ]
    private static let kinds: [(name: String, changes: [String: JSONValue], folds: Int, last: String)] = [
        ("hold-out", [:], 1, "t0-f0"),
        ("folds", ["evaluation": ["method": "k_fold", "folds": 3]], 3, "t0"),
        ("search", ["search": search], 1, "t2-f0"),
        ("search over folds", ["search": search, "evaluation": ["method": "k_fold", "folds": 2]], 2, "t2"),
    ]

    private func world(_ kind: Int) -> JobWorld {
        let world = JobWorld(TrainingFixtures.request(Self.kinds[kind].changes))
        world.folds = Self.kinds[kind].folds
        return world
    }

    private func expectOneEnd(_ world: JobWorld, _ last: String, _ comment: Comment) {
        #expect(world.isCommitted, comment)
        #expect(world.versions.map(\.description) == [last], comment)
        #expect(world.events.filter(\.isLast).count == 1, comment)
        // What was resolved first holds for good, though the topic grew.
        let ranges = world.events.compactMap { event in
            if case .accepted(let acceptance) = event.change { acceptance.ranges } else { nil }
        }
        #expect(Set(ranges).count == 1, comment)
        #expect(Set(world.tasks).count == world.tasks.count, "tasks twice: \(comment)")
    }

    @Test(arguments: kinds.indices) func jobsCompleteOnce(_ kind: Int) {
        let world = world(kind)
        #expect(world.live())
        expectOneEnd(world, Self.kinds[kind].last, "\(Self.kinds[kind].name)")
    }

    @Test(arguments: kinds.indices) func whoeverIsKilledTheEndIsTheSame(_ kind: Int) {
        let reference = world(kind)
        #expect(reference.live())
        for first in 0..<reference.actions {
            for second in 0..<reference.actions {
                for (moment, other) in [
                    (JobWorld.Moment.before, JobWorld.Moment.after), (.after, .before), (.after, .after),
                ] {
                    let world = world(kind)
                    _ = world.live(kill: (first, moment))
                    _ = world.live(kill: (second, other))
                    #expect(world.live())
                    expectOneEnd(world, Self.kinds[kind].last, "killed \(moment) \(first), \(other) \(second)")
                }
            }
        }
    }

    @Test(arguments: kinds.indices) func cancellationEndsAJobAtAnyAction(_ kind: Int) {
        let reference = world(kind)
        #expect(reference.live())
        for action in 0..<reference.actions {
            let world = world(kind)
            #expect(world.live(cancelAt: action))
            #expect(world.versions.isEmpty && world.isCommitted)
            #expect(world.events.filter(\.isLast).map(\.change) == [.cancelled])
            #expect(world.live(), "read again, it is passed over")
            #expect(world.events.filter(\.isLast).count == 1)
        }
    }

    @Test func completedEventsHoldTheFolds() throws {
        let world = world(1)
        world.score = { Double($0.fold ?? 0) / 10 + 0.5 }
        #expect(world.live())
        guard case .completed(let completion)? = world.events.last?.change else {
            Issue.record("expected a completed event")
            return
        }
        let summary = try #require(completion.folds[.accuracy])
        #expect(abs(summary.mean - 0.6) < 1e-12 && summary.values.count == 3)
    }

    @Test func jobsThatNeverEndAreGivenUp() {
        var history = JobHistory()
        let ranges = ResolvedRanges([0: 0..<10])
        history.take(
            TrainingEvent(
                job: "j", model: "m", time: 0, .accepted(TrainingEvent.Acceptance(ranges: ranges, folds: 1, attempt: 3))
            ))
        var patient = JobCoordinator(TrainingFixtures.command(TrainingFixtures.request()), maximumAttempts: 4)
        guard case .load? = patient.next(.began(history)) else {
            Issue.record("expected another attempt")
            return
        }
        guard case .accept(let acceptance)? = patient.next(.loaded(folds: 1)) else {
            Issue.record("expected an accepted event")
            return
        }
        #expect(acceptance.attempt == 4 && acceptance.ranges == ranges)
        var impatient = JobCoordinator(TrainingFixtures.command(TrainingFixtures.request()), maximumAttempts: 3)
        guard case .end(.failed(let failure))? = impatient.next(.began(history)) else {
            Issue.record("expected the job to fail")
            return
        }
        let after = impatient.next(.ended)
        #expect(failure.code == .tooManyAttempts && after == nil)
    }

    @Test func jobsThatAreHandedOnAreNotGivenUp() {
        let request = TrainingFixtures.request()
        var history = JobHistory()
        for attempt in 1...5 {
            history.take(
                TrainingEvent(
                    job: "j", model: "m", time: 0,
                    .accepted(TrainingEvent.Acceptance(ranges: ResolvedRanges([0: 0..<10]), folds: 1, attempt: attempt))
                ))
            if attempt < 5 { history.take(TrainingEvent(job: "j", model: "m", time: 0, .released(nil))) }
        }
        var coordinator = JobCoordinator(TrainingFixtures.command(request), maximumAttempts: 2)
        guard case .load? = coordinator.next(.began(history)) else {
            Issue.record("expected another attempt")
            return
        }
        guard case .accept(let acceptance)? = coordinator.next(.loaded(folds: 1)) else {
            Issue.record("expected an accepted event")
            return
        }
        #expect(acceptance.attempt == 6 && history.deaths == 1)
    }

    /// A fold that cannot be judged fails the job; a trial that cannot is one of several.
    @Test(arguments: [(1, true), (2, false)]) func fitsThatAreGivenUp(_ kind: Int, _ failsJob: Bool) {
        var coordinator = JobCoordinator(TrainingFixtures.command(TrainingFixtures.request(Self.kinds[kind].changes)))
        _ = coordinator.next(.began(JobHistory()))
        _ = coordinator.next(.resolved(ResolvedRanges([0: 0..<10]), nil))
        _ = coordinator.next(.loaded(folds: Self.kinds[kind].folds))
        _ = coordinator.next(.accepted)
        _ = coordinator.next(.published)
        let action = coordinator.next(
            .evaluated(FitID(trial: 0, fold: 0), .error("TOO_MANY_ATTEMPTS: the fit was begun 3 times")))
        guard failsJob else {
            #expect(action == .wait)
            return
        }
        guard case .end(.failed(let failure))? = action else {
            Issue.record("expected the job to fail, found \(String(describing: action))")
            return
        }
        #expect(failure.code == .tooManyAttempts)
        #expect(failure.message == "fit t0-f0: the fit was begun 3 times")
    }

    @Test(arguments: [
        (Array("{".utf8), nil as String?, "line 1"), (Array(#"{"model": "m"}"#.utf8), nil, "found none"),
        ([], "found 9 bytes, at most 8 are allowed", "at most 8"),
    ]) func whatCannotBeReadFails(_ value: [UInt8], _ refusal: String?, _ message: String) {
        var coordinator = JobCoordinator(
            TrainingCommand(
                position: RecordPosition(TrainingFixtures.partition, offset: 0), kind: .request, job: "j", value: value,
                refusal: refusal))
        guard case .end(.failed(let failure))? = coordinator.next(.began(JobHistory())) else {
            Issue.record("expected the job to fail")
            return
        }
        #expect(failure.code == .invalidRequest && failure.message.contains(message), "\(failure)")
    }

    @Test(
        arguments: [
            (["model": ".points"], "model: "), (["promotion": ["alias": "3"]], "promotion.alias: "),
            (["promotion": ["alias": "latest"]], "promotion.alias: "),
            (
                [
                    "dataset": [
                        "topic": "rows", "to": ["time": "noon"],
                        "schema": [
                            "features": ["shape": [2]], "label": ["name": "label", "kind": "class_index", "count": 2],
                        ],
                    ]
                ], "dataset.to.time: found \"noon\", expected RFC 3339"
            ),
        ] as [([String: JSONValue], String)])
    func namesAndTimesThatAreNoneFail(_ changes: [String: JSONValue], _ path: String) {
        var coordinator = JobCoordinator(TrainingFixtures.command(TrainingFixtures.request(changes)))
        guard case .end(.failed(let failure))? = coordinator.next(.began(JobHistory())) else {
            Issue.record("expected the job to fail")
            return
        }
        #expect(failure.code == .invalidRequest && failure.message.hasPrefix(path), "\(failure)")
    }

    @Test func moreFitsThanAreAllowedFail() {
        let request = TrainingFixtures.request(["evaluation": ["method": "k_fold", "folds": 5]])
        var limits = TrainingLimits.default
        limits.maximumFits = 5
        var coordinator = JobCoordinator(TrainingFixtures.command(request), limits: limits)
        _ = coordinator.next(.began(JobHistory()))
        _ = coordinator.next(.resolved(ResolvedRanges([0: 0..<10]), nil))
        guard case .end(.failed(let failure))? = coordinator.next(.loaded(folds: 5)) else {
            Issue.record("expected the job to fail")
            return
        }
        #expect(failure.code == .invalidRequest)
        #expect(failure.message == "evaluation: found 5 folds of 1 trials, expected at most 5 fits in all")
    }

    @Test func fitsGoOnFromTheVersionThatWasResolved() throws {
        let request = TrainingFixtures.request(["architecture": nil, "base": ["version": "champion"]])
        var coordinator = JobCoordinator(TrainingFixtures.command(request))
        guard case .resolve? = coordinator.next(.began(JobHistory())) else {
            Issue.record("expected a look at the registry")
            return
        }
        let base = TrainingEvent.Base(
            identity: ModelVersion.Identity(name: "points", number: 3), digest: String(repeating: "a", count: 64))
        _ = coordinator.next(.resolved(ResolvedRanges([0: 0..<10]), base))
        _ = coordinator.next(.loaded(folds: 1))
        guard case .fit(let fit)? = coordinator.next(.accepted) else {
            Issue.record("expected a fit")
            return
        }
        let subject = try JSONCursor(fit.request).member("base")
        #expect(try subject.member("version").integer() == 3)
        #expect(coordinator.original?.json == request)
    }
}
