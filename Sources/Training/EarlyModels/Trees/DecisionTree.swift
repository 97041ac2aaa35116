public import JSONDocuments

/// A decision tree for classes or numbers (``TreeGrower`` says how it grows). It answers with the shares of the classes in
/// the leaf, or with its mean.
public struct DecisionTree: EarlyModel {
    public static let kind = EarlyModelKind.decisionTree
    public var options: TreeOptions

    public init(options: TreeOptions = .init()) { self.options = options }

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: TreeOptions.names)
        options = try TreeOptions(reading: hyperparameters)
    }

    public var hyperparameters: JSONValue { .object(options.json) }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        let rowWeights = try rows.rowWeights(options.classWeight)
        let ranked = try RankedFeatures(rows.features, shouldContinue)
        var random = RandomSource(seed: seed, stream: "decision_tree.features")
        let tree = try TreeGrower(rows, ranked, options).grow(
            weights: rowWeights, random: &random, after: [], shouldContinue)
        return try TreeEnsemble(trees: [tree], mean: 0).fitted(kind, rows)
    }
}

/// What trees and forests have in common once grown.
struct TreeEnsemble {
    let trees: [FittedTree]
    /// That the leaves' values are stored without.
    let mean: Double

    func fitted(_ kind: EarlyModelKind, _ rows: FitRows) throws(EarlyModelError) -> FittedModel {
        var classes: (present: [Int], count: Int)?
        if case .classes(_, let present, let names) = rows.targets { classes = (present, names.count) }
        let graph = try TreeGraph(trees: trees, mean: mean, targetCount: classes?.present.count ?? 1)
            .graph(kind, columns: rows.features.columns, rows.targets)
        return FittedModel(
            graph: graph, kind: kind, task: classes == nil ? .regression : .classification, details: details,
            warnings: [], predictor: TreePredictor(trees: trees, mean: mean, classes: classes))
    }

    private var details: JSONValue {
        // Each tree's importances sum to one, as their mean then does (Breiman, 2001).
        var importances = [Double](repeating: 0, count: trees[0].importances.count)
        for tree in trees {
            let sum = tree.importances.reduce(0, +)
            guard sum > 0 else { continue }
            for (column, value) in tree.importances.enumerated() {
                importances[column] += value / sum / Double(trees.count)
            }
        }
        return [
            "trees": .integer(Int64(trees.count)),
            "nodes": .integer(Int64(trees.reduce(0) { $0 + $1.nodes.count })),
            "leaves": .integer(Int64(trees.reduce(0) { $0 + $1.leafCount })),
            "depth": .integer(Int64(trees.reduce(0) { max($0, $1.depth) })),
            "feature_importances": .numbers(importances),
        ]
    }
}
