import KafkaClient
import ModelRegistry
import Synchronization
import Training

/// Writes the progress of one fit, not more often than is worth reading. Called on the fit's thread; waits for nothing.
final class ProgressReporter: Sendable {
    private let job: String
    private let model: String
    private let source: String
    private let fit: FitID
    private let context: TrainingContext
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(job: String, model: String, source: String, fit: FitID, context: TrainingContext) {
        self.job = job
        self.model = model
        self.source = source
        self.fit = fit
        self.context = context
    }

    func report(_ progress: FitProgress) {
        let now = ContinuousClock.now
        let isDue = last.withLock { last in
            if let last, now - last < context.settings.progressInterval { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let event = TrainingEvent(
            job: job, model: model, time: EventTime.now(), .progress(TrainingEvent.Progress(fit, progress)))
        context.enqueue(event.record(topic: context.settings.eventTopic, source: source))
    }
}
