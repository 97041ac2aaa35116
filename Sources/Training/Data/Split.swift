/// Rows to train on and rows to judge by, each in ascending order.
public struct Split: Sendable, Hashable {
    public var training: [Int]
    public var validation: [Int]

    public init(training: [Int], validation: [Int]) {
        self.training = training
        self.validation = validation
    }
}

/// The splits of one dataset, one a fold: each row is held out in one of them at most.
public struct SplitPlan: Sendable {
    /// One fold for a hold-out; none held out where all rows are trained on.
    public let foldCount: Int
    /// What is unusual but not wrong: a class of fewer rows than there are folds.
    public let warnings: [String]
    /// The fold that holds a row out; -1 for none.
    private let folds: [Int32]

    /// - Throws: ``DataError`` when there are too few rows, or too few of a class, for the folds.
    public init(_ spec: SplitSpec, _ dataset: any Dataset, seed: UInt64) throws(DataError) {
        let count = dataset.rowCount
        guard count >= 1 else { throw DataError(.tooFewRows, "found no rows to split") }
        switch spec.method {
        case .none:
            (foldCount, warnings, folds) = (1, [], [Int32](repeating: -1, count: count))
        case .leaveOneOut:
            guard count >= 2, count <= Int(Int32.max) else {
                throw DataError(.tooFewRows, "found \(count) rows to leave one out of, expected at least 2")
            }
            (foldCount, warnings, folds) = (count, [], (0..<count).map { Int32($0) })
        case .holdOut(let fraction):
            (foldCount, warnings) = (1, [])
            folds = try Self.holdOut(fraction, spec, dataset, seed)
            let held = folds.count { $0 == 0 }
            guard held > 0, held < count else {
                throw DataError(
                    .tooFewRows,
                    "holding out \(fraction) of \(count) rows leaves \(count - held) to train on and \(held) to judge "
                        + "by, expected some of each")
            }
        case .kFold(let wanted):
            guard wanted <= count else {
                throw DataError(.tooFewRows, "found \(count) rows for \(wanted) folds, expected at least one a fold")
            }
            foldCount = wanted
            if spec.isStratified {
                (folds, warnings) = try Self.stratifiedFolds(wanted, dataset, seed)
            } else if spec.assignment == .hash {
                folds = (0..<count).map { Int32(Self.fold(dataset.provenance($0), of: wanted, seed: seed)) }
                warnings = []
                try Self.checkSizes(folds, wanted)
            } else {
                (folds, warnings) = (Self.dealt([Array(0..<count)], wanted, seed, "fold"), [])
            }
        }
    }

    /// The rows of one fold.
    /// - Precondition: the fold is below ``foldCount``.
    public func split(_ fold: Int) -> Split {
        precondition((0..<foldCount).contains(fold), "fold \(fold) of \(foldCount)")
        var split = Split(training: [], validation: [])
        for (row, held) in folds.enumerated() {
            if Int(held) == fold { split.validation.append(row) } else { split.training.append(row) }
        }
        return split
    }

    /// The fold of a row by its provenance and the seed alone: an unbiased number below `count` drawn from the stream
    /// `"fold"` of the partition and the offset.
    public static func fold(_ provenance: Provenance, of count: Int, seed: UInt64) -> Int {
        let (partition, offset) = provenance.fields
        var random = RandomSource(seed: seed, stream: "fold", Int(partition), Int(offset))
        return random.integer(below: count)
    }

    /// Whether a row is held out, by its provenance and the seed alone.
    public static func isHeldOut(_ provenance: Provenance, fraction: Double, seed: UInt64) -> Bool {
        let (partition, offset) = provenance.fields
        var random = RandomSource(seed: seed, stream: "hold-out", Int(partition), Int(offset))
        return random.uniform() < fraction
    }

    private static func holdOut(
        _ fraction: Double, _ spec: SplitSpec, _ dataset: any Dataset, _ seed: UInt64
    ) throws(DataError) -> [Int32] {
        let count = dataset.rowCount
        if spec.assignment == .hash, !spec.isStratified {
            return (0..<count).map { isHeldOut(dataset.provenance($0), fraction: fraction, seed: seed) ? 0 : -1 }
        }
        var folds = [Int32](repeating: -1, count: count)
        let groups = spec.isStratified ? try classRows(dataset) : [Array(0..<count)]
        for (index, rows) in groups.enumerated() {
            guard !spec.isStratified || rows.count != 1 else {
                throw DataError(
                    .tooFewRows,
                    "class \(className(index, dataset)) has 1 row, expected at least 2 for a stratified hold-out")
            }
            var random = RandomSource(seed: seed, stream: "hold-out", index)
            var shuffled = rows
            random.shuffle(&shuffled)
            var held = Int((Double(rows.count) * fraction).rounded())
            if spec.isStratified, rows.count >= 2 { held = min(max(held, 1), rows.count - 1) }
            for row in shuffled.prefix(held) { folds[row] = 0 }
        }
        return folds
    }

    private static func stratifiedFolds(
        _ count: Int, _ dataset: any Dataset, _ seed: UInt64
    ) throws(DataError) -> (folds: [Int32], warnings: [String]) {
        let groups = try classRows(dataset)
        guard groups.contains(where: { $0.count >= count }) else {
            let most = groups.map(\.count).max() ?? 0
            throw DataError(
                .tooFewRows, "the largest class has \(most) rows, expected at least one for each of \(count) folds")
        }
        let warnings = groups.enumerated().filter { !$1.isEmpty && $1.count < count }.map { index, rows in
            "class \(className(index, dataset)) has \(rows.count) rows, fewer than the \(count) folds: "
                + "some folds have none of it"
        }
        return (dealt(groups, count, seed, "stratified fold"), warnings)
    }

    /// Deals the rows of each group, shuffled, round and round: folds differ by one row at most, in each group and in
    /// all.
    private static func dealt(_ groups: [[Int]], _ count: Int, _ seed: UInt64, _ stream: String) -> [Int32] {
        var folds = [Int32](repeating: 0, count: groups.reduce(0) { $0 + $1.count })
        var next = 0
        for (index, rows) in groups.enumerated() {
            var random = RandomSource(seed: seed, stream: stream, index)
            var shuffled = rows
            random.shuffle(&shuffled)
            for row in shuffled {
                folds[row] = Int32(next)
                next = (next + 1) % count
            }
        }
        return folds
    }

    private static func checkSizes(_ folds: [Int32], _ count: Int) throws(DataError) {
        var sizes = [Int](repeating: 0, count: count)
        for fold in folds { sizes[Int(fold)] += 1 }
        guard let empty = sizes.firstIndex(where: { $0 == 0 || $0 == folds.count }) else { return }
        throw DataError(
            .tooFewRows,
            "fold \(empty) has \(sizes[empty]) of \(folds.count) rows by their hashes, expected some in every fold: "
                + "take fewer folds, or assign by permutation")
    }

    private static func classRows(_ dataset: any Dataset) throws(DataError) -> [[Int]] {
        guard dataset.schema.isClassification else {
            let found = dataset.schema.label == nil ? "no label" : "a label of numbers"
            throw DataError(.unsupported, "a stratified split needs classes, found \(found)")
        }
        var groups = [[Int]](repeating: [], count: dataset.schema.classNames?.count ?? 0)
        for row in 0..<dataset.rowCount { groups[dataset.classIndex(row)].append(row) }
        return groups
    }

    private static func className(_ index: Int, _ dataset: any Dataset) -> String {
        DataError.quoted(dataset.schema.classNames?[index] ?? String(index))
    }
}
