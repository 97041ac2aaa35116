/// What one job may ask for and take.
public struct TrainingLimits: Sendable, Hashable {
    public var data = DataLimits.default
    public var maximumEpochs = 100_000
    public var maximumBatchSize = 1 << 20
    /// Fits of one request: folds times trials.
    public var maximumFits = 10_000
    /// Epochs kept in a job's history; later ones replace every second earlier one.
    public var maximumHistory = 4_096

    public init() {}

    public static let `default` = TrainingLimits()
}
