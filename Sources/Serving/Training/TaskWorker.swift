import JSONDocuments
import KafkaClient
import Logging
import ModelRegistry
import Synchronization
import Training

/// Judges one fit of a job that this or another instance coordinates, and writes what came of it.
///
/// The task's offset is committed once the `evaluated` event is acknowledged: a task that was begun by a killed instance is
/// done again, to the same bits, and the first event counts. A `started` event goes before the fit, and a `released` one
/// follows when the fit is let go of alive, so that whoever takes the task next sees how often it ended its process.
struct TaskWorker: Sendable {
    enum Outcome: Sendable {
        /// Nothing is left to do.
        case over
        case abandoned
        /// Not begun: its process has died before, and other fits run beside it.
        case suspect
    }

    private static let retryPause = Duration.seconds(3)
    private static let watchTick = Duration.seconds(1)

    let command: TrainingCommand
    let control: JobControl
    let context: TrainingContext
    let consumer: KafkaConsumer

    /// - Parameter isAlone: whether no other task's fit runs meanwhile.
    func run(isAlone: Bool) async -> Outcome {
        let signal = WakeSignal()
        control.onStop { signal.signal() }
        while true {
            do {
                guard try await attempt(signal, isAlone) else { return .suspect }
                try await consumer.commit([command.position.topicPartition: command.position.offset + 1])
                return .over
            } catch JobStop.abandoned {
                return .abandoned
            } catch {
                context.logger.warning(
                    "training task interrupted; going on with it",
                    metadata: ["position": "\(command.position)", "error": "\(error)"])
                let pause = ContinuousClock.now + Self.retryPause
                while .now < pause, control.reason != .abandoned { await signal.wait(until: pause) }
                if control.reason == .abandoned || Task.isCancelled { return .abandoned }
            }
        }
    }

    /// - Returns: false when the fit was not begun because it is not alone.
    private func attempt(_ signal: WakeSignal, _ isAlone: Bool) async throws -> Bool {
        let task: TrainingTask
        do {
            task = try TrainingTask(command.value)
        } catch {
            // Nobody waits for it: no coordinator wrote it.
            context.logger.warning(
                "record on the training task topic is not a task",
                metadata: ["position": "\(command.position)", "error": "\(command.refusal ?? "\(error)")"])
            return true
        }
        let events = try context.events(of: task.job, withTasks: false, signal: signal)
        let result: Result<Bool, any Error>
        do {
            result = .success(try await attempt(task, events, signal, isAlone))
        } catch {
            result = .failure(error)
        }
        await events.close()
        return try result.get()
    }

    private func attempt(
        _ task: TrainingTask, _ events: JobEvents, _ signal: WakeSignal, _ isAlone: Bool
    ) async throws -> Bool {
        var history = try await events.history(since: command.timestamp) { try control.check() }
        if case .giveUp = step(task, history) { try await awaitRelease(task, &history, events, signal) }
        switch step(task, history) {
        case .pass: return true
        case .giveUp(let failure):
            context.logger.error(
                "training fit given up", metadata: ["job": "\(task.job)", "fit": "\(task.fit)", "error": "\(failure)"])
            try await end(task, .error(failure.description))
        case .begin(let attempt):
            guard attempt == 1 || isAlone else { return false }
            try await context.produce([
                record(
                    task,
                    .started(.init(fit: task.fit, attempt: attempt, instance: context.settings.instanceID)))
            ])
            let release = OnceOnly { context.enqueue(record(task, .released(task.fit))) }
            do {
                try await fit(task, events, release)
            } catch {
                release()
                throw error
            }
        }
        return true
    }

    private func step(_ task: TrainingTask, _ history: JobHistory) -> TaskStep {
        history.step(task.fit, maximumAttempts: context.settings.attempts)
    }

    /// Waits for an instance that has lost the task, and may be about to say so.
    private func awaitRelease(
        _ task: TrainingTask, _ history: inout JobHistory, _ events: JobEvents, _ signal: WakeSignal
    ) async throws {
        let deadline = ContinuousClock.now + context.settings.releaseGrace
        while .now < deadline, case .giveUp = step(task, history) {
            try control.check()
            let found = try events.drain()
            found.apply(to: &history)
            if found.isEmpty { await signal.wait(until: min(deadline, .now + Self.watchTick)) }
        }
    }

    private func fit(_ task: TrainingTask, _ events: JobEvents, _ release: OnceOnly) async throws {
        // Ends the fit when its job ends: it was cancelled, or its time is over.
        let watch = Task {
            while !Task.isCancelled {
                if let found = try? events.drain(), found.events.contains(where: \.isLast) { control.stop(.cancelled) }
                // At once: the fit may need longer to stop than this process has.
                if control.reason == .abandoned { release() }
                try? await Task.sleep(for: Self.watchTick)
            }
        }
        let result: Result<TrainingEvent.Judgement, any Error>
        do {
            result = .success(try await judge(task, TrainingRequest(task.request, limits: context.settings.limits)))
        } catch {
            result = .failure(error)
        }
        watch.cancel()
        await watch.value
        let judgement: TrainingEvent.Judgement
        switch result {
        case .success(let found): judgement = found
        // The job is over: nobody waits for the result.
        case .failure(let stop as JobStop):
            if stop == .abandoned { throw stop }
            return
        case .failure(let error):
            guard let failure = TrainingFailure(error) else { throw error }
            judgement = .error(failure.description)
        }
        try await end(task, judgement)
    }

    private func end(_ task: TrainingTask, _ judgement: TrainingEvent.Judgement) async throws {
        try await context.produce([record(task, .evaluated(task.fit, judgement))])
        context.fits.checkpoints.remove(job: task.job, task.fit)
    }

    private func record(_ task: TrainingTask, _ change: TrainingEvent.Change) -> ProducerRecord {
        let model = (try? JSONCursor(task.request).member("model").string()) ?? ""
        return TrainingEvent(job: task.job, model: model, time: EventTime.now(), change).record(
            topic: context.settings.eventTopic, source: task.source, maximumBytes: context.settings.maximumEventBytes)
    }

    private func judge(_ task: TrainingTask, _ request: TrainingRequest) async throws -> TrainingEvent.Judgement {
        let rows = try await context.data.rows(request, task.ranges, control: control)
        var digest: String?
        if case .base(let base) = request.subject {
            let reference = ModelReference(
                name: base.model ?? request.model, version: VersionSelector(parsing: base.version))
            digest = try await context.registry().catalog.resolve(reference, includingRetired: true).version.digest
        }
        let reporter = ProgressReporter(
            job: task.job, model: request.model, source: task.source, fit: task.fit, context: context)
        let outcome = try await context.fits.run(
            TrainingJob.Fit(id: task.fit, request: task.request), of: task.job, rows: rows,
            base: try await context.fits.base(digest), control: control
        ) { reporter.report($0) }
        guard let report = outcome.report else { return .error("the fit held no rows out to be judged by") }
        return .report(report)
    }
}

/// Calls what it holds at the first call, whoever makes it.
final class OnceOnly: Sendable {
    private let isDone = Mutex(false)
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func callAsFunction() {
        let isFirst = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        if isFirst { body() }
    }
}
