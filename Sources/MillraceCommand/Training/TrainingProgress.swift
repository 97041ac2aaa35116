import Serving
import Training

/// How far a fit is, from this process or from a record.
struct TrainingProgress: Sendable, Equatable {
    /// `t0-f2`.
    let fit: String
    var epoch: Int
    /// Steps made, and planned at most; 0 and 0 where there are none.
    var step: Int
    var steps: Int
    var loss: Double
    /// Set when an epoch has just ended.
    var record: EpochRecord?
}

extension TrainingProgress {
    init(_ progress: FitProgress, fit: String) {
        self.init(
            fit: fit, epoch: progress.epoch, step: progress.step, steps: progress.plannedSteps, loss: progress.loss,
            record: progress.finishedEpoch)
    }

    init(_ progress: TrainingEvent.Progress) {
        self.init(
            fit: progress.fit.description, epoch: progress.epoch, step: progress.step, steps: progress.steps,
            loss: progress.loss, record: progress.history)
    }
}

/// A fit's losses and epochs as they came, within a limit.
struct TrainingHistory: Sendable {
    /// Of what is kept; beyond, every second value goes.
    static let maximumValues = 2048

    private(set) var losses: [Double] = []
    private(set) var epochs: [EpochRecord] = []
    /// Every how many steps a loss is kept.
    private var interval = 1
    private var skipped = 0

    mutating func append(_ progress: TrainingProgress) {
        skipped += 1
        if skipped >= interval {
            losses.append(progress.loss)
            skipped = 0
        }
        if losses.count >= Self.maximumValues {
            losses = Self.halved(losses)
            interval *= 2
        }
        guard let record = progress.record, record.epoch > epochs.last?.epoch ?? -1 else { return }
        epochs.append(record)
        if epochs.count > 2 * Self.maximumValues { epochs = Self.halved(epochs) }
    }

    private static func halved<Value>(_ values: [Value]) -> [Value] {
        values.enumerated().compactMap { $0 % 2 == 1 ? $1 : nil }
    }

    /// The metric that says most about a fit besides its loss: of those that the epochs have.
    static func headline(_ values: [Metric: Double]) -> Metric? {
        [.accuracy, .rmse, .mae, .logLoss].first { values[$0] != nil }
    }
}
