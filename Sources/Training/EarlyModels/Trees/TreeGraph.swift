import TensorEngine

/// Fitted trees as one TreeEnsembleRegressor (ai.onnx.ml 3), whose targets are the classes or the one number.
///
/// Shares of classes add up over the trees and are divided by their number afterwards: sums of shares 0 and 1 are exact,
/// and with them ties between classes, which go to the first. Leaves of forests of numbers are stored less the mean.
struct TreeGraph {
    let trees: [FittedTree]
    let mean: Double
    /// Classes, or one.
    let targetCount: Int

    private static let sums = "tree_sums"

    /// The sum over the trees: the name of the value [batch, targets].
    private func addTrees(_ assembly: inout GraphAssembly) throws(EarlyModelError) -> String {
        var (treeIDs, nodeIDs, featureIDs, yes, no): ([Int], [Int], [Int], [Int], [Int]) = ([], [], [], [], [])
        var (modes, splits): ([String], [Float]) = ([], [])
        var (leafTrees, leafNodes, targets, weights): ([Int], [Int], [Int], [Float]) = ([], [], [], [])
        for (tree, fitted) in trees.enumerated() {
            for (place, node) in fitted.nodes.enumerated() {
                let isLeaf = node.feature < 0
                treeIDs.append(tree)
                nodeIDs.append(place)
                featureIDs.append(isLeaf ? 0 : Int(node.feature))
                yes.append(isLeaf ? 0 : Int(node.left))
                no.append(isLeaf ? 0 : Int(node.right))
                modes.append(isLeaf ? "LEAF" : "BRANCH_LEQ")
                splits.append(isLeaf ? 0 : node.threshold)
                guard isLeaf else { continue }
                for entry in fitted.leaf(Int(node.right)) {
                    leafTrees.append(tree)
                    leafNodes.append(place)
                    targets.append(Int(entry.target))
                    weights.append(Float(entry.value - mean))
                }
            }
        }
        return assembly.add(
            "TreeEnsembleRegressor", [EarlyModelValue.features], as: Self.sums,
            [
                "n_targets": .int(targetCount), "aggregate_function": .string("SUM"),
                "nodes_treeids": .ints(treeIDs), "nodes_nodeids": .ints(nodeIDs),
                "nodes_featureids": .ints(featureIDs), "nodes_truenodeids": .ints(yes),
                "nodes_falsenodeids": .ints(no), "nodes_modes": .strings(modes),
                "nodes_values_as_tensor": .tensor(try GraphAssembly.tensor(shape: [splits.count], splits)),
                "target_treeids": .ints(leafTrees), "target_nodeids": .ints(leafNodes), "target_ids": .ints(targets),
                "target_weights_as_tensor": .tensor(try GraphAssembly.tensor(shape: [weights.count], weights)),
            ])
    }

    func graph(_ kind: EarlyModelKind, columns: Int, _ targets: FitRows.Targets) throws(EarlyModelError) -> Graph {
        var assembly = GraphAssembly(kind, columns: columns)
        let sums = try addTrees(&assembly)
        switch targets {
        case .classes(_, let present, let names):
            var shares = sums
            if trees.count > 1 {
                let count = try assembly.constant("tree_count", shape: [1], [Float(trees.count)])
                shares = assembly.add("Div", [sums, count], as: "class_shares")
            }
            return try assembly.classifier(scores: shares, present: present, names: names)
        case .values:
            var result = sums
            if trees.count > 1 {
                let count = try assembly.constant("tree_count", shape: [1], [Float(trees.count)])
                let offset = try assembly.constant("target_mean", shape: [1], [Float(mean)])
                result = assembly.add("Div", [sums, count], as: "mean_offset")
                result = assembly.add("Add", [result, offset], as: EarlyModelValue.prediction)
            } else {
                assembly.add("Identity", [sums], as: EarlyModelValue.prediction)
            }
            return assembly.regression()
        }
    }
}

/// The same arithmetic as the graph's, so that ties between classes fall the same way.
struct TreePredictor: RowPredictor {
    let trees: [FittedTree]
    let mean: Double
    /// nil of a regression.
    let classes: (present: [Int], count: Int)?

    func predict(_ row: [Float]) -> RowPrediction {
        var sums = [Float](repeating: 0, count: classes?.present.count ?? 1)
        for tree in trees {
            for entry in tree.leaf(of: row) { sums[Int(entry.target)] += Float(entry.value - mean) }
        }
        let means = trees.count > 1 ? sums.map { $0 / Float(trees.count) } : sums
        guard let classes else {
            return RowPrediction(values: [Double(trees.count > 1 ? means[0] + Float(mean) : means[0])])
        }
        let shares = means.map(Double.init)
        return RowPrediction(
            classIndex: classes.present[firstGreatest(shares)],
            values: spread(shares, present: classes.present, count: classes.count))
    }
}
