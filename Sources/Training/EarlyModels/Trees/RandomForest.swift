public import JSONDocuments

/// A random forest (Breiman, 2001): trees on bootstrap samples, random features at each node. It answers with the mean of
/// the trees' shares of classes, or of their numbers. Each tree draws from streams of its own.
public struct RandomForest: EarlyModel {
    public static let kind = EarlyModelKind.randomForest
    public static let maximumTreeCount = 10_000

    public var options: TreeOptions
    public var treeCount = 100
    /// Whether each tree sees as many rows as there are, drawn with replacement; else all.
    public var bootstraps = true

    public init(options: TreeOptions = .init()) { self.options = options }

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: TreeOptions.names.union(["n_estimators", "bootstrap"]))
        options = try TreeOptions(reading: hyperparameters)
        treeCount = try hyperparameters.integer("n_estimators", default: 100, in: 1...Self.maximumTreeCount)
        bootstraps = try hyperparameters.bool("bootstrap", default: true)
    }

    public var hyperparameters: JSONValue {
        var members = options.json
        members["n_estimators"] = .integer(Int64(treeCount))
        members["bootstrap"] = .bool(bootstraps)
        return .object(members)
    }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        let rowWeights = try rows.rowWeights(options.classWeight)
        let ranked = try RankedFeatures(rows.features, shouldContinue)
        var options = options
        options.featureChoice = options.featureChoice ?? (targets.task == .classification ? .squareRoot : .all)
        let grower = try TreeGrower(rows, ranked, options)
        var trees: [FittedTree] = []
        for index in 0..<treeCount {
            try shouldContinue()
            var random = RandomSource(seed: seed, stream: "random_forest.features", index)
            let tree = try grower.grow(
                weights: bootstraps ? bootstrap(rowWeights, seed, index) : rowWeights, random: &random,
                after: trees, shouldContinue)
            trees.append(tree)
        }
        var mean = 0.0
        if case .values(let values) = rows.targets, treeCount > 1 {
            let total = rowWeights.reduce(0, +)
            // A float32, which the graph adds.
            mean = Double(Float(zip(values, rowWeights).reduce(0) { $0 + $1.0 * ($1.1 / total) }))
        }
        return try TreeEnsemble(trees: trees, mean: mean).fitted(kind, rows)
    }

    /// Weights times how often each row is drawn.
    private func bootstrap(_ weights: [Double], _ seed: UInt64, _ tree: Int) -> [Double] {
        var random = RandomSource(seed: seed, stream: "random_forest.bootstrap", tree)
        var drawn = [Double](repeating: 0, count: weights.count)
        for _ in weights { drawn[random.integer(below: weights.count)] += 1 }
        for row in drawn.indices { drawn[row] *= weights[row] }
        return drawn
    }
}
