import KafkaClient
import Logging
import ModelRegistry
import TensorEngine
import Training

/// Does for one job what its ``JobCoordinator`` decides.
struct JobRunner: Sendable {
    private static let retryPause = Duration.seconds(3)
    private static let waitingTick = Duration.seconds(1)
    private static let tasksAtOnce = 100

    let command: TrainingCommand
    let control: JobControl
    let context: TrainingContext
    let membership: TrainingMembership
    let consumer: KafkaConsumer

    var source: String { "\(command.position.topicPartition)/\(command.position.offset)" }

    /// What the actions have made so far.
    struct Work {
        var rows: TrainingRows?
        var base: Graph?
        var outcome: FitOutcome?
        /// When the job was accepted, in milliseconds since 1970-01-01 UTC.
        var acceptedAt: Int64?
        /// The job is begun, and its end not written yet.
        var isBegun = false
        /// Read and not handed on yet.
        var inputs: [JobCoordinator.Input] = []
    }

    /// Runs until the job has come to its end, its offset committed, or is abandoned. Brokers that do not answer are
    /// waited for.
    /// - Returns: whether it came to its end.
    func run() async -> Bool {
        let signal = WakeSignal()
        control.onStop { signal.signal() }
        while true {
            do {
                try await attempt(signal)
                return true
            } catch JobStop.abandoned {
                return false
            } catch {
                context.logger.warning(
                    "training job interrupted; going on with it",
                    metadata: ["job": "\(command.job)", "error": "\(error)"])
                let pause = ContinuousClock.now + Self.retryPause
                while .now < pause, control.reason != .abandoned { await signal.wait(until: pause) }
                if control.reason == .abandoned || Task.isCancelled { return false }
            }
        }
    }

    private func attempt(_ signal: WakeSignal) async throws {
        let events = try context.events(of: command.job, withTasks: true, signal: signal)
        do {
            try await attempt(events, signal)
            await events.close()
        } catch {
            await events.close()
            throw error
        }
    }

    private func attempt(_ events: JobEvents, _ signal: WakeSignal) async throws {
        // A chosen id may have been used before; one that is the request's position cannot.
        let history = try await events.history(since: command.isNamed ? nil : command.timestamp) {
            if control.reason == .abandoned { throw JobStop.abandoned }
        }
        var coordinator = JobCoordinator(
            command, limits: context.settings.limits, maximumAttempts: context.settings.attempts)
        var work = Work()
        work.acceptedAt = history.acceptedAt
        do {
            try await act(&coordinator, &work, history, events, signal)
        } catch {
            // Whoever goes on must not take this for the death of a process.
            if work.isBegun { context.enqueue(event(.released(nil), coordinator)) }
            throw error
        }
        context.fits.checkpoints.remove(job: command.job)
    }

    private func act(
        _ coordinator: inout JobCoordinator, _ work: inout Work, _ history: JobHistory, _ events: JobEvents,
        _ signal: WakeSignal
    ) async throws {
        var action = coordinator.next(.began(history))
        while let next = action {
            let input: JobCoordinator.Input
            do {
                if !next.isLast { try control.check() }
                setDeadline(coordinator, work)
                input = try await perform(next, coordinator, &work, events, signal)
            } catch JobStop.cancelled {
                input = .cancelled
            } catch JobStop.deadline {
                input = .failed(TrainingFailure(.deadlineExceeded, "the job did not end before its deadline"))
            } catch JobStop.abandoned {
                throw JobStop.abandoned
            } catch {
                guard !next.isLast, let failure = TrainingFailure(error) else { throw error }
                input = .failed(failure)
            }
            action = coordinator.next(input)
        }
    }

    /// From its acceptance on, over restarts.
    private func setDeadline(_ coordinator: JobCoordinator, _ work: Work) {
        guard let acceptedAt = work.acceptedAt else { return }
        let own = coordinator.original?.deadlineSeconds.map { Duration.seconds($0) }
        guard let limit = [own, context.settings.deadlineLimit].compactMap({ $0 }).min() else { return }
        control.setDeadline(.now + limit - .milliseconds(EventTime.now() - acceptedAt))
    }

    private func perform(
        _ action: JobCoordinator.Action, _ coordinator: JobCoordinator, _ work: inout Work, _ events: JobEvents,
        _ signal: WakeSignal
    ) async throws -> JobCoordinator.Input {
        switch action {
        case .resolve(let request):
            return .resolved(try await context.data.resolve(request.dataset), try await resolveBase(request))
        case .load(let request, let ranges):
            let rows = try await context.data.rows(request, ranges, control: control)
            work.rows = rows
            work.base = try await context.fits.base(coordinator.accepted?.base?.digest)
            return .loaded(folds: try await context.fits.foldCount(request, rows))
        case .accept(let acceptance):
            let time = EventTime.now()
            var records = [event(.accepted(acceptance), coordinator, at: time)]
            if acceptance.attempt == 1, let start = lineage(.start, coordinator, at: time) { records.append(start) }
            try await context.produce(records)
            work.acceptedAt = work.acceptedAt ?? time
            work.isBegun = true
            context.logger.info(
                "training job accepted", metadata: ["job": "\(command.job)", "model": "\(coordinator.model)"])
            return .accepted
        case .publish(let fits):
            for start in stride(from: 0, to: fits.count, by: Self.tasksAtOnce) {
                try await context.produce(
                    fits[start..<min(fits.count, start + Self.tasksAtOnce)].map { fit in
                        TrainingTask(
                            job: command.job, fit: fit.id, request: fit.request,
                            ranges: coordinator.accepted?.ranges, source: source
                        ).record(topic: context.settings.taskTopic)
                    })
            }
            return .published
        case .wait: return try await wait(&work, events, signal)
        case .fit(let fit):
            guard let rows = work.rows else { throw TrainingFailure(.internal, "the rows are not loaded") }
            let reporter = ProgressReporter(
                job: command.job, model: coordinator.model, source: source, fit: fit.id, context: context)
            work.outcome = try await context.fits.run(
                fit, of: command.job, rows: rows, base: work.base, control: control
            ) { reporter.report($0) }
            return .fitted
        case .complete:
            guard let rows = work.rows, let outcome = work.outcome else {
                throw TrainingFailure(.internal, "the fit has no outcome")
            }
            try await complete(coordinator, rows, outcome, acceptedAt: work.acceptedAt ?? EventTime.now())
            return .ended
        case .end(let ending):
            try await end(ending, coordinator)
            return .ended
        case .skip:
            try await consumer.commit([command.position.topicPartition: command.position.offset + 1])
            return .ended
        }
    }

    private func wait(
        _ work: inout Work, _ events: JobEvents, _ signal: WakeSignal
    ) async throws -> JobCoordinator.Input {
        while true {
            if !work.inputs.isEmpty { return work.inputs.removeFirst() }
            try control.check()
            let found = try events.drain()
            for event in found.events {
                if case .evaluated(let fit, let judgement) = event.change {
                    work.inputs.append(.evaluated(fit, judgement))
                } else if event.isLast {
                    // Somebody else has ended it.
                    var history = JobHistory()
                    history.take(event)
                    work.inputs.append(.began(history))
                }
            }
            guard found.isEmpty else { continue }
            let tick = ContinuousClock.now + Self.waitingTick
            await signal.wait(until: min(control.deadline ?? tick, tick))
        }
    }

    private func resolveBase(_ request: TrainingRequest) async throws -> TrainingEvent.Base? {
        guard case .base(let base) = request.subject else { return nil }
        let reference = ModelReference(
            name: base.model ?? request.model, version: VersionSelector(parsing: base.version))
        let version = try await context.registry().catalog.version(for: reference)
        return TrainingEvent.Base(identity: version.identity, digest: version.digest)
    }

    func event(
        _ change: TrainingEvent.Change, _ coordinator: JobCoordinator, at time: Int64 = EventTime.now()
    ) -> ProducerRecord {
        TrainingEvent(job: command.job, model: coordinator.model, time: time, change).record(
            topic: context.settings.eventTopic, source: source, maximumBytes: context.settings.maximumEventBytes)
    }

    func lineage(
        _ kind: OpenLineageEvent.Kind, _ coordinator: JobCoordinator, at time: Int64 = EventTime.now()
    ) -> ProducerRecord? {
        guard let topic = context.settings.lineageTopic, let request = coordinator.original else { return nil }
        return OpenLineageEvent(
            kind, job: command.job, time: time, request: request, ranges: coordinator.accepted?.ranges,
            settings: context.settings
        ).record(topic: topic)
    }
}

extension JobCoordinator.Action {
    /// Whether it is the job's last, after which nothing can be told to stop any more.
    var isLast: Bool {
        switch self {
        case .end, .skip: true
        case .resolve, .load, .accept, .publish, .wait, .fit, .complete: false
        }
    }
}
