/// The arguments of a fit, checked: rows of positive weight, and classes numbered without gaps.
struct FitRows {
    enum Targets {
        /// - Parameters:
        ///   - indices: for each row, its class among those that are present.
        ///   - present: the places of these among the names, ascending.
        case classes([Int], present: [Int], names: ClassNames)
        case values([Double])
    }

    let features: FeatureMatrix
    let targets: Targets
    /// Positive; nil when all are equal.
    let weights: [Double]?

    var count: Int { features.rows }

    /// - Throws: ``EarlyModelError`` naming what is wrong with the arguments.
    init(
        _ kind: EarlyModelKind, _ features: FeatureMatrix, _ targets: EarlyModelTargets, _ weights: [Double]?
    ) throws(EarlyModelError) {
        guard kind.tasks.contains(targets.task) else {
            throw EarlyModelError(
                .unsupported, "targets",
                "\(kind.rawValue) cannot be fitted to \(targets.task == .classification ? "classes" : "numbers")")
        }
        try features.checkFinite()
        try Self.check(targets, rows: features.rows)
        let kept = try Self.keptRows(weights, rows: features.rows)
        let isWhole = kept.count == features.rows
        self.features = isWhole ? features : try features.selecting(rows: kept)
        let positive = weights.map { weights in kept.map { weights[$0] } }
        self.weights = positive.flatMap { list in list.allSatisfy { $0 == list[0] } ? nil : list }
        switch targets {
        case .values(let values): self.targets = .values(kept.map { values[$0] })
        case .classes(let classes, let names):
            let present = Set(kept.map { classes[$0] }).sorted()
            guard present.count >= 2 else {
                throw EarlyModelError(
                    .invalidTargets, "targets",
                    "every row is of the class '\(names.texts[present[0]].prefix(80))', expected at least two classes")
            }
            let places = Dictionary(uniqueKeysWithValues: present.enumerated().map { ($1, $0) })
            self.targets = .classes(kept.map { places[classes[$0]] ?? 0 }, present: present, names: names)
        }
    }

    private static func check(_ targets: EarlyModelTargets, rows: Int) throws(EarlyModelError) {
        let count: Int
        switch targets {
        case .classes(let classes, let names):
            try names.check()
            count = classes.count
            if let row = classes.firstIndex(where: { !(0..<names.count).contains($0) }) {
                throw EarlyModelError(
                    .invalidTargets, "targets",
                    "row \(row) is of class \(classes[row]), expected 0 to \(names.count - 1)")
            }
        case .values(let values):
            count = values.count
            if let row = values.firstIndex(where: { !Float($0).isFinite }) {
                throw EarlyModelError(
                    .invalidTargets, "targets", "row \(row) is \(values[row]), expected finite float32 numbers")
            }
        }
        guard count == rows else {
            throw EarlyModelError(.invalidTargets, "targets", "found \(count), expected one for each of \(rows) rows")
        }
    }

    private static func keptRows(_ weights: [Double]?, rows: Int) throws(EarlyModelError) -> [Int] {
        guard let weights else { return Array(0..<rows) }
        guard weights.count == rows else {
            throw EarlyModelError(
                .invalidWeights, "weights", "found \(weights.count), expected one for each of \(rows) rows")
        }
        if let row = weights.firstIndex(where: { !($0.isFinite && $0 >= 0) }) {
            throw EarlyModelError(
                .invalidWeights, "weights", "row \(row) weighs \(weights[row]), expected finite and not negative")
        }
        let kept = (0..<rows).filter { weights[$0] > 0 }
        guard !kept.isEmpty, weights.reduce(0, +).isFinite else {
            throw EarlyModelError(.invalidWeights, "weights", "their sum is zero or infinite")
        }
        return kept
    }

    /// The weight of each row, that of its class included; their sum is finite and positive.
    func rowWeights(_ classWeight: ClassWeight) throws(EarlyModelError) -> [Double] {
        let own = weights ?? [Double](repeating: 1, count: count)
        guard case .classes(let classes, let present, let names) = targets else {
            try Self.requireEqual(classWeight)
            return own
        }
        let factors = try classWeight.factors(classes: classes, weights: own, present: present, names: names)
        return zip(classes, own).map { factors[$0] * $1 }
    }

    /// - Throws: ``EarlyModelError`` for weights of the classes that numbers do not have.
    static func requireEqual(_ classWeight: ClassWeight) throws(EarlyModelError) {
        guard classWeight == .equal else {
            throw EarlyModelError(
                .unsupported, "class_weight", "the targets are numbers, which have no classes to weigh")
        }
    }

    /// Algorithms that compare every row with every other take so many and no more.
    func requireAtMost(_ maximumRows: Int, elements maximumElements: Int) throws(EarlyModelError) {
        guard count <= maximumRows, features.values.count <= maximumElements else {
            throw EarlyModelError(
                .limitExceeded, "features",
                "found \(count) rows of \(features.columns) columns, expected at most \(maximumRows) rows and "
                    + "\(maximumElements) numbers")
        }
    }

    /// - Throws: ``EarlyModelError`` when rows weigh differently, which the family cannot do.
    func requireEqualWeights(_ kind: EarlyModelKind) throws(EarlyModelError) {
        guard weights == nil else {
            throw EarlyModelError(.unsupported, "weights", "\(kind.rawValue) cannot weigh rows differently")
        }
    }
}
