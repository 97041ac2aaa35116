import CTensorKernels

/// TreeEnsembleRegressor, TreeEnsembleClassifier (ai.onnx.ml 1 to 5) and TreeEnsemble (5). Scores of float32 rows add up in
/// float32, as ONNX Runtime's do, in the order of the trees.
struct TreeEnsembleOperator: ClassifyingOperator {
    private enum Kind { case regressor, classifier(ClassLabels, isBinary: Bool, arePositive: Bool) }

    private let kind: Kind
    private let trees: TreeTable
    private let averages: Bool
    private let baseValues: [Double]
    private let transform: PostTransform

    init(_ node: inout NodeReader) throws(GraphError) {
        switch node.node.node.operatorType {
        case "TreeEnsemble":
            let made = try TreeTable.general(&node)
            (trees, averages, transform) = made
            (kind, baseValues) = (.regressor, [])
        case "TreeEnsembleRegressor":
            let name = try node.string("aggregate_function", default: "SUM")
            let functions = ["SUM": MK_TREES_SUM, "AVERAGE": MK_TREES_SUM, "MIN": MK_TREES_MIN, "MAX": MK_TREES_MAX]
            guard let aggregation = functions[name] else {
                throw node.error(
                    .invalidGraph, "aggregate_function is '\(name)', expected SUM, AVERAGE, MIN or MAX")
            }
            averages = name == "AVERAGE"
            transform = try PostTransform(&node)
            baseValues = try node.numbers("base_values", tensor: "base_values_as_tensor") ?? []
            trees = try TreeTable.read(
                &node, prefix: "target", targetCount: try node.int("n_targets", default: 1), aggregation: aggregation)
            kind = .regressor
        default:
            let labels = try ClassLabels(&node, integers: "classlabels_int64s")
            guard !labels.values.isEmpty else {
                throw node.error(.invalidGraph, "attributes 'classlabels_int64s' and 'classlabels_strings' are missing")
            }
            averages = false
            transform = try PostTransform(&node)
            baseValues = try node.numbers("base_values", tensor: "base_values_as_tensor") ?? []
            let ids = node.peekInts("class_ids")
            let weights = try node.peekNumbers("class_weights", tensor: "class_weights_as_tensor")
            kind = .classifier(
                labels, isBinary: labels.values.count == 2 && Set(ids).count == 1,
                arePositive: weights.allSatisfy { $0 >= 0 })
            trees = try TreeTable.read(
                &node, prefix: "class", targetCount: labels.values.count, aggregation: MK_TREES_SUM)
        }
        guard baseValues.isEmpty || baseValues.count == trees.targetCount || baseValues.count == 1 else {
            throw node.error(
                .invalidGraph, "base_values has \(baseValues.count) elements, expected \(trees.targetCount)")
        }
    }

    var classLabels: ClassLabels? {
        if case .classifier(let labels, _, _) = kind { labels } else { nil }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (type, rows, width) = try operands.features(0)
        guard width >= trees.featureCount else {
            throw operands.error(
                .shapeMismatch, "input is \(type.shape), the trees look at \(trees.featureCount) features")
        }
        let shape = try operands.makeShape([rows, trees.targetCount])
        if let classLabels {
            return operands.present([
                TensorType(elementType: classLabels.elementType, shape: try operands.makeShape([rows])),
                TensorType(elementType: .float32, shape: shape),
            ])
        }
        let keeps = type.elementType == .float64 && operands.node.node.operatorType == "TreeEnsemble"
        return [TensorType(elementType: keeps ? .float64 : .float32, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (type, rows, width) = try operands.features(0)
        let (trees, targets) = (trees, trees.targetCount)
        let initial: Double =
            switch trees.aggregation {
            case MK_TREES_MIN: .infinity
            case MK_TREES_MAX: -.infinity
            default: 0
            }
        let finish = self
        let conversion = ElementConversion(from: type.elementType, to: .float32)
        return Kernel { arguments in
            guard rows > 0 else { return }
            var scores = [Double](repeating: initial, count: rows * targets)
            if type.elementType == .float64 {
                trees.withTrees { mk_trees_f64($0, arguments.input(0), rows, width, &scores) }
            } else {
                var sums = [Float](repeating: Float(initial), count: rows * targets)
                if type.elementType == .float32 {
                    trees.add(arguments.input(0), rows: rows, width: width, to: &sums)
                } else {
                    var x = [Float](repeating: 0, count: rows * width)
                    conversion.convert(arguments.rawInput(0), to: &x, rows * width)
                    trees.add(x, rows: rows, width: width, to: &sums)
                }
                if finish.writePlain(sums, rows: rows, arguments, outputs) { return }
                for index in sums.indices { scores[index] = Double(sums[index]) }
            }
            finish.write(&scores, rows: rows, arguments, outputs)
        }
    }

    /// Scores that stay as they are, as those of forests; false when there is more to do.
    private func writePlain(
        _ sums: [Float], rows: Int, _ arguments: borrowing KernelArguments, _ outputs: [TensorType]
    ) -> Bool {
        guard transform == .none, baseValues.isEmpty, !averages else { return false }
        let targets = trees.targetCount
        if case .classifier(let labels, let isBinary, let arePositive) = kind {
            if isBinary { return false }
            let chosen = arguments.output(0, as: Int64.self)
            for row in 0..<rows {
                let start = row * targets
                var best = 0
                if targets == 2 {
                    best = sums[start + 1] > (arePositive ? 0.5 : 0) ? 1 : 0
                } else {
                    for index in 0..<targets where sums[start + index] > sums[start + best] { best = index }
                }
                chosen[row] = labels[best]
            }
            if outputs.count == 1 { return true }
        }
        sums.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            arguments.rawOutput(outputs.count - 1).copyMemory(from: base, byteCount: bytes.count)
        }
        return true
    }

    private func write(
        _ scores: inout [Double], rows: Int, _ arguments: borrowing KernelArguments, _ outputs: [TensorType]
    ) {
        let targets = trees.targetCount
        var results: [Double] = []
        results.reserveCapacity(scores.count)
        for row in 0..<rows {
            var values = Array(scores[row * targets..<(row + 1) * targets])
            if averages { values = values.map { $0 / Double(max(trees.treeCount, 1)) } }
            guard case .classifier(let labels, let isBinary, let arePositive) = kind else {
                for index in values.indices where index < baseValues.count { values[index] += baseValues[index] }
                results += transform.apply(values)
                continue
            }
            let label: Int
            if isBinary {
                (label, values) = binary(values, arePositive: arePositive)
                results += values
            } else {
                for index in values.indices where index < baseValues.count { values[index] += baseValues[index] }
                if targets == 2 {
                    label = values[1] > (arePositive ? 0.5 : 0) ? 1 : 0
                } else {
                    label = values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
                }
                results += transform.apply(values)
            }
            arguments.output(0, as: Int64.self)[row] = labels[label]
        }
        let index = outputs.count - 1
        if case .classifier = kind, index == 0 { return }
        arguments.store(results, index, outputs[index])
    }

    /// Two classes of which the trees give one score (ONNX Runtime, `_set_score_binary` and `write_scores`).
    private func binary(_ values: [Double], arePositive: Bool) -> (label: Int, scores: [Double]) {
        let score = (values.first { $0 != 0 } ?? 0) + (baseValues.first ?? 0)
        let label = score > (arePositive ? 0.5 : 0) ? 1 : 0
        if arePositive {
            return (label, transform == .none ? [1 - score, score] : transform.apply([1 - score, score]))
        }
        switch transform {
        case .logistic: return (label, [PostTransform.logistic(-score), PostTransform.logistic(score)])
        case .softmax, .softmaxZero: return (label, transform.apply([-score, score]))
        default: return (label, [-score, score])
        }
    }
}

extension NodeReader {
    /// An attribute that is read again later.
    func peekInts(_ name: String) -> [Int] {
        if case .ints(let list)? = node.node.attributes[name] { list } else { [] }
    }

    func peekNumbers(_ name: String, tensor: String) throws(GraphError) -> [Double] {
        var copy = self
        return try copy.numbers(name, tensor: tensor) ?? []
    }
}

extension TreeTable {
    /// From the attributes of TreeEnsemble; a set membership becomes a chain of equalities.
    static func general(
        _ node: inout NodeReader
    ) throws(GraphError) -> (trees: TreeTable, averages: Bool, transform: PostTransform) {
        func required(_ name: String) throws(GraphError) -> [Int] {
            guard let list = try node.ints(name) else {
                throw node.error(.invalidGraph, "attribute '\(name)' is missing")
            }
            return list
        }
        let (yes, no) = (try required("nodes_truenodeids"), try required("nodes_falsenodeids"))
        let (yesLeaf, noLeaf) = (try required("nodes_trueleafs"), try required("nodes_falseleafs"))
        let (features, roots) = (try required("nodes_featureids"), try required("tree_roots"))
        let splits = try node.numbers("", tensor: "nodes_splits") ?? []
        let modes = try node.numbers("", tensor: "nodes_modes") ?? []
        let members = try node.numbers("", tensor: "membership_values") ?? []
        let missing = try node.ints("nodes_missing_value_tracks_true") ?? []
        _ = try node.tensor("nodes_hitrates")
        let targets = try required("leaf_targetids")
        let weights = try node.numbers("", tensor: "leaf_weights") ?? []
        let lists = [yes.count, no.count, yesLeaf.count, noLeaf.count, features.count, splits.count, modes.count]
        guard Set(lists).count == 1, targets.count == weights.count, missing.isEmpty || missing.count == yes.count
        else {
            throw node.error(
                .invalidGraph, "the lists nodes_* have \(lists) elements, leaves \(targets.count) and \(weights.count)")
        }
        let known = [MK_BRANCH_LEQ, MK_BRANCH_LT, MK_BRANCH_GTE, MK_BRANCH_GT, MK_BRANCH_EQ, MK_BRANCH_NEQ]
        var sets = members.split(omittingEmptySubsequences: false) { $0.isNaN }[...]
        var branches: [Branch] = []
        var extra: [Branch] = []
        for index in yes.indices {
            let (whenYes, whenNo): (Child, Child) = (
                yesLeaf[index] != 0 ? .leaf(yes[index]) : .node(yes[index]),
                noLeaf[index] != 0 ? .leaf(no[index]) : .node(no[index])
            )
            let mode = Int(modes[index])
            guard (0...6).contains(mode) else { throw node.error(.invalidGraph, "nodes_modes has \(mode)") }
            var branch = Branch(
                feature: features[index], split: splits[index], mode: mode < 6 ? known[mode] : MK_BRANCH_EQ,
                missingTracksTrue: missing.isEmpty ? false : missing[index] != 0, yes: whenYes, no: whenNo)
            if mode == 6 {
                guard let set = sets.popFirst(), let first = set.first else {
                    throw node.error(.invalidGraph, "membership_values has no set for node \(index)")
                }
                guard case .leaf = whenYes else {
                    throw node.error(.unsupported, "node \(index): a membership test before another node")
                }
                branch.split = first
                // One equality after the other: the last one's other way is the node's own.
                let rest = Array(set.dropFirst())
                if !rest.isEmpty { branch.no = .node(yes.count + extra.count) }
                for (place, value) in rest.enumerated() {
                    var next = branch
                    next.split = value
                    next.no = place + 1 < rest.count ? .node(yes.count + extra.count + 1) : whenNo
                    extra.append(next)
                }
            }
            branches.append(branch)
        }
        let aggregate = try node.int("aggregate_function", default: 1)
        let transforms: [PostTransform] = [.none, .softmax, .logistic, .softmaxZero, .probit]
        let transform = try node.int("post_transform", default: 0)
        guard (0...3).contains(aggregate), transforms.indices.contains(transform) else {
            throw node.error(
                .invalidGraph,
                "aggregate_function is \(aggregate), post_transform \(transform): expected 0 to 3 and 0 to 4")
        }
        let aggregation = aggregate == 2 ? MK_TREES_MIN : aggregate == 3 ? MK_TREES_MAX : MK_TREES_SUM
        let leaves = zip(targets, weights).map { [(target: $0, weight: $1)] }
        let trees = try TreeTable(
            branches + extra,
            roots: roots.map { root in
                // A tree that is one leaf has both ways lead there.
                let isLeaf =
                    yes.indices.contains(root) && yesLeaf[root] != 0 && noLeaf[root] != 0 && yes[root] == no[root]
                return isLeaf ? .leaf(yes[root]) : .node(root)
            }, leaves: leaves, targetCount: try node.int("n_targets", default: 1), aggregation: aggregation, node)
        return (trees, aggregate == 0, transforms[transform])
    }
}
