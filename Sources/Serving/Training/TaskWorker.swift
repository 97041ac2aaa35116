import KafkaClient
import Logging
import ModelRegistry
import Training

/// Judges one fit of a job that this or another instance coordinates, and writes what came of it.
///
/// The task's offset is committed once the `evaluated` event is acknowledged: a task that was begun by a killed instance is
/// done again, to the same bits, and the first event counts.
struct TaskWorker: Sendable {
    private static let retryPause = Duration.seconds(3)
    private static let watchTick = Duration.seconds(1)

    let command: TrainingCommand
    let control: JobControl
    let context: TrainingContext
    let consumer: KafkaConsumer

    /// - Returns: whether nothing is left to do.
    func run() async -> Bool {
        let signal = WakeSignal()
        control.onStop { signal.signal() }
        while true {
            do {
                try await attempt(signal)
                try await consumer.commit([command.position.topicPartition: command.position.offset + 1])
                return true
            } catch JobStop.abandoned {
                return false
            } catch {
                context.logger.warning(
                    "training task interrupted; going on with it",
                    metadata: ["position": "\(command.position)", "error": "\(error)"])
                let pause = ContinuousClock.now + Self.retryPause
                while .now < pause, control.reason != .abandoned { await signal.wait(until: pause) }
                if control.reason == .abandoned || Task.isCancelled { return false }
            }
        }
    }

    private func attempt(_ signal: WakeSignal) async throws {
        let task: TrainingTask
        do {
            task = try TrainingTask(command.value)
        } catch {
            // Nobody waits for it: no coordinator wrote it.
            context.logger.warning(
                "record on the training task topic is not a task",
                metadata: ["position": "\(command.position)", "error": "\(command.refusal ?? "\(error)")"])
            return
        }
        let events = try context.events(of: task.job, withTasks: false, signal: signal)
        do {
            try await attempt(task, events, signal)
            await events.close()
        } catch {
            await events.close()
            throw error
        }
    }

    private func attempt(_ task: TrainingTask, _ events: JobEvents, _ signal: WakeSignal) async throws {
        let history = try await events.history(since: command.timestamp) { try control.check() }
        guard !history.isOver, history.results[task.fit] == nil else { return }
        // Ends the fit when its job ends: it was cancelled, or its time is over.
        let watch = Task {
            while !Task.isCancelled {
                if let found = try? events.drain(), found.events.contains(where: \.isLast) { control.stop(.cancelled) }
                try? await Task.sleep(for: Self.watchTick)
            }
        }
        let result: Result<TrainingEvent.Judgement, any Error>
        var model = ""
        do {
            let request = try TrainingRequest(task.request, limits: context.settings.limits)
            model = request.model
            result = .success(try await judge(task, request))
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
        let event = TrainingEvent(job: task.job, model: model, time: EventTime.now(), .evaluated(task.fit, judgement))
        try await context.produce([
            event.record(
                topic: context.settings.eventTopic, source: task.source,
                maximumBytes: context.settings.maximumEventBytes)
        ])
        context.fits.checkpoints.remove(job: task.job, task.fit)
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
