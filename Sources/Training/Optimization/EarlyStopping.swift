public import JSONDocuments

/// Ends training when a measured value no longer gets better.
///
///     {"monitor": "validation_loss", "patience": 5, "min_delta": 0.001, "restore_best": true}
public struct EarlyStopping: Sendable, Hashable {
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        case minimum = "min"
        case maximum = "max"
    }

    /// What an epoch's value means for the run.
    public enum Verdict: Sendable, Hashable {
        /// The best so far: its parameters are the ones to keep.
        case improved
        /// No better than an earlier one.
        case waiting
        /// Training is over.
        case stop
    }

    /// The name of the value.
    public let monitor: String
    /// Epochs without a better value after which training stops; 0 is taken as 1.
    public let patience: Int
    /// By how much a value has to be better.
    public let minimumDelta: Double
    public let mode: Mode
    /// Whether the parameters of the best epoch are the result, not those of the last.
    public let restoresBest: Bool

    /// Of the best epoch so far; nil before the first.
    public private(set) var best: Double?
    public private(set) var bestEpoch: Int?
    /// Epochs since then.
    public private(set) var waited = 0

    public init(
        monitor: String = "validation_loss", patience: Int = 5, minimumDelta: Double = 0, mode: Mode = .minimum,
        restoresBest: Bool = true
    ) {
        (self.monitor, self.patience, self.minimumDelta) = (monitor, patience, minimumDelta)
        (self.mode, self.restoresBest) = (mode, restoresBest)
    }

    /// Reads the settings, of which each has a default.
    /// - Parameter monitors: the values that the run measures, with whether more of them is better.
    /// - Throws: ``JSONError`` with the path, what was found and what was expected.
    public init(_ cursor: JSONCursor, monitors: [String: Mode]) throws(JSONError) {
        try cursor.rejectUnknownMembers(allowed: ["monitor", "patience", "min_delta", "mode", "restore_best"])
        let names = monitors.keys.sorted()
        let monitor = try cursor.optionalMember("monitor").map { (cursor) throws(JSONError) in
            try Setting.choice(cursor, of: names, what: "a measured value,")
        }
        self.monitor = monitor ?? "validation_loss"
        guard let known = monitors[self.monitor] else {
            throw cursor.failure(
                "has no \"monitor\" and \"validation_loss\" is not measured, expected one of \(names.joined(separator: ", "))"
            )
        }
        patience =
            try cursor.optionalMember("patience").map { (cursor) throws(JSONError) in
                try Setting.wholeNumber(cursor, in: 0...1_000_000)
            } ?? 5
        minimumDelta =
            try cursor.optionalMember("min_delta").map { (cursor) throws(JSONError) in
                try Setting.number(cursor, in: .notNegative)
            } ?? 0
        mode =
            try cursor.optionalMember("mode").map { (cursor) throws(JSONError) in
                Mode(rawValue: try Setting.choice(cursor, of: Mode.allCases.map(\.rawValue))) ?? known
            } ?? known
        restoresBest =
            try cursor.optionalMember("restore_best").map { (cursor) throws(JSONError) in
                try Setting.bool(cursor)
            } ?? true
    }

    /// Takes the value of an epoch. One that is not a number is never better.
    public mutating func observe(_ value: Double, epoch: Int) -> Verdict {
        if isBetter(value) {
            (best, bestEpoch, waited) = (value, epoch, 0)
            return .improved
        }
        waited += 1
        return waited >= max(patience, 1) ? .stop : .waiting
    }

    /// Goes on where the run of a checkpoint was.
    public mutating func resume(best: Double?, bestEpoch: Int?, waited: Int) {
        (self.best, self.bestEpoch, self.waited) = (best, bestEpoch, max(waited, 0))
    }

    private func isBetter(_ value: Double) -> Bool {
        guard !value.isNaN else { return false }
        guard let best else { return true }
        return mode == .minimum ? value < best - minimumDelta : value > best + minimumDelta
    }
}
