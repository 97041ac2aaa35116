/// Grows CART trees (Breiman et al., 1984): the best split of every node by exhaustive search over the midpoints between
/// the distinct values of the candidate features.
///
/// The rules are scikit-learn's best splitter: when all features are candidates, they are tried in the order of the
/// columns; else in an order drawn for each node, going on beyond `max_features` until one is not constant in the node. Of
/// equally good splits the first tried wins, and in one feature the lowest threshold. In contrast to scikit-learn, values
/// closer together than 1e-7 are still two.
final class TreeGrower {
    private let features: RankedFeatures
    private let options: TreeOptions
    private let candidateCount: Int
    private let classCount: Int
    private let criterion: SplitCriterion
    private let classes: [Int32]
    private let targets: [Double]
    private let offset: Double
    private let sorter: KeySorter
    private let rows: UnsafeMutableBufferPointer<Int32>
    private let spare: UnsafeMutableBufferPointer<Int32>

    /// Of all trees of a model: what fits into a bundle, whose graph is at most 64 MiB of JSON.
    static let maximumNodeCount = 800_000
    /// Shares of classes in all leaves of a model, for the same reason.
    static let maximumEntryCount = 1_200_000

    private struct Pending {
        let start: Int
        let end: Int
        let depth: Int
        /// Whose child it is; -1 of the root.
        let parent: Int
        let isLeft: Bool
    }

    private struct Split {
        var feature: Int
        var count: Int
        var score: Double
        var lower: UInt32
        var upper: UInt32
    }

    init(_ fit: FitRows, _ features: RankedFeatures, _ options: TreeOptions) throws(EarlyModelError) {
        self.features = features
        self.options = options
        candidateCount = try (options.featureChoice ?? .all).count(columns: features.columns)
        switch fit.targets {
        case .classes(let indices, let present, _):
            criterion = try options.criterion(for: .classification)
            (classes, targets, classCount, offset) = (indices.map { Int32($0) }, [], present.count, 0)
        case .values(let values):
            criterion = try options.criterion(for: .regression)
            // Around their mean, so that sums of squares keep their digits.
            let mean = values.reduce(0) { $0 + $1 / Double(values.count) }
            (classes, targets, classCount, offset) = ([], values.map { $0 - mean }, 1, mean)
        }
        sorter = KeySorter(capacity: features.rows)
        rows = .allocate(capacity: features.rows)
        spare = .allocate(capacity: features.rows)
    }

    deinit {
        rows.deallocate()
        spare.deallocate()
    }

    /// - Parameters:
    ///   - weights: of each row; those of weight zero are not there.
    ///   - grown: the model's trees so far, which count towards its limits.
    func grow(
        weights: [Double], random: inout RandomSource, after grown: [FittedTree], _ shouldContinue: () throws -> Void
    ) throws -> FittedTree {
        let limits = (
            nodes: Self.maximumNodeCount - grown.reduce(0) { $0 + $1.nodes.count },
            entries: Self.maximumEntryCount - grown.reduce(0) { $0 + $1.entries.count }
        )
        return try classes.withUnsafeBufferPointer { classes in
            try targets.withUnsafeBufferPointer { targets in
                try weights.withUnsafeBufferPointer { weights in
                    let impurity = NodeImpurity(
                        criterion, classCount: classCount, classes: classes, targets: targets, weights: weights)
                    return try grow(impurity, weights, &random, limits, shouldContinue)
                }
            }
        }
    }

    private func grow(
        _ impurity: NodeImpurity, _ weights: UnsafeBufferPointer<Double>, _ random: inout RandomSource,
        _ limits: (nodes: Int, entries: Int), _ shouldContinue: () throws -> Void
    ) throws -> FittedTree {
        var count = 0
        for row in 0..<features.rows where weights[row] > 0 {
            rows[count] = Int32(row)
            count += 1
        }
        var tree = FittedTree(columns: features.columns)
        var order = Array(0..<features.columns)
        var totalWeight = 0.0
        var waiting = [Pending(start: 0, end: count, depth: 0, parent: -1, isLeft: false)]
        while let next = waiting.popLast() {
            let node = UnsafeMutableBufferPointer(rebasing: rows[next.start..<next.end])
            impurity.gather(node)
            if next.parent < 0 {
                totalWeight = impurity.weight
                floor = Double.ulpOfOne * (criterion == .squaredError ? impurity.impurity : 1)
            }
            let place = tree.nodes.count
            guard place < limits.nodes, tree.entries.count <= limits.entries else {
                throw EarlyModelError(
                    .limitExceeded, "model",
                    "the trees have more than \(Self.maximumNodeCount) nodes or \(Self.maximumEntryCount) shares of "
                        + "classes in their leaves: set max_depth, raise min_samples_leaf or "
                        + "lower n_estimators")
            }
            if next.parent >= 0 {
                if next.isLeft {
                    tree.nodes[next.parent].left = Int32(place)
                } else {
                    tree.nodes[next.parent].right = Int32(place)
                }
            }
            tree.depth = max(tree.depth, next.depth)
            guard let split = try split(node, next.depth, impurity, totalWeight, &order, &random, shouldContinue) else {
                tree.appendLeaf(impurity.values.map { $0 + offset }, isShares: criterion != .squaredError)
                continue
            }
            tree.importances[split.feature] += split.score
            tree.nodes.append(
                FittedTree.Node(
                    feature: Int32(split.feature),
                    threshold: features.threshold(split.feature, between: split.lower, and: split.upper), left: 0,
                    right: 0))
            partition(node, by: split)
            let middle = next.start + split.count
            waiting.append(
                Pending(start: middle, end: next.end, depth: next.depth + 1, parent: place, isLeft: false))
            waiting.append(
                Pending(start: next.start, end: middle, depth: next.depth + 1, parent: place, isLeft: true))
        }
        return tree
    }

    /// The best split of a node, its score being the decrease of impurity weighted by the share of rows; nil when the node
    /// is a leaf.
    private func split(
        _ node: UnsafeMutableBufferPointer<Int32>, _ depth: Int, _ impurity: NodeImpurity, _ totalWeight: Double,
        _ order: inout [Int], _ random: inout RandomSource, _ shouldContinue: () throws -> Void
    ) throws -> Split? {
        let before = impurity.impurity
        guard node.count >= max(options.minimumSplitRows, 2 * options.minimumLeafRows),
            depth < options.maximumDepth ?? TreeOptions.maximumDepthLimit, before > floor
        else { return nil }
        var best: Split?
        var (tried, constant) = (0, 0)
        let drawsOrder = candidateCount < features.columns
        while tried < features.columns, tried < candidateCount || tried == constant {
            if drawsOrder { order.swapAt(tried, tried + random.integer(below: features.columns - tried)) }
            let feature = order[tried]
            tried += 1
            work += node.count
            if work >= 1 << 18 {
                work = 0
                try shouldContinue()
            }
            guard sortKeys(node, feature) else {
                constant += 1
                continue
            }
            guard let found = impurity.bestSplit(sorter.keys, rows: node, least: options.minimumLeafRows),
                found.score > best?.score ?? -.infinity
            else { continue }
            best = Split(
                feature: feature, count: found.count, score: found.score,
                lower: UInt32(truncatingIfNeeded: sorter.keys[found.count - 1] >> 32) + smallestRank,
                upper: UInt32(truncatingIfNeeded: sorter.keys[found.count] >> 32) + smallestRank)
        }
        guard var best else { return nil }
        let after = impurity.impurity(after: best.score)
        best.score = max(0, impurity.weight / totalWeight * (before - after))
        return best.score + floor < options.minimumImpurityDecrease ? nil : best
    }

    private var smallestRank: UInt32 = 0
    /// Rows that were sorted since it was last asked whether to go on.
    private var work = 0
    /// An impurity that is only rounding.
    private var floor = 0.0

    /// Writes the node's rows into the sorter, sorted by a feature's ranks less ``smallestRank``; false when they are equal.
    private func sortKeys(_ node: UnsafeMutableBufferPointer<Int32>, _ feature: Int) -> Bool {
        features.ranks.withUnsafeBufferPointer { ranks in
            let start = feature * features.rows
            var (least, most) = (UInt32.max, UInt32.min)
            let keys = sorter.keys
            var place = 0
            while place < node.count {
                let rank = ranks[start + Int(node[place])]
                least = min(least, rank)
                most = max(most, rank)
                keys[place] = UInt64(rank)
                place += 1
            }
            guard least < most else { return false }
            smallestRank = least
            place = 0
            while place < node.count {
                keys[place] = (keys[place] - UInt64(least)) << 32 | UInt64(place)
                place += 1
            }
            let span = Int(most - least)
            sorter.sort(count: node.count, keyBits: Int.bitWidth - span.leadingZeroBitCount)
            return true
        }
    }

    /// Rows of the left side first; each side keeps its order.
    private func partition(_ node: UnsafeMutableBufferPointer<Int32>, by split: Split) {
        features.ranks.withUnsafeBufferPointer { ranks in
            let start = split.feature * features.rows
            var (left, right) = (0, 0)
            for place in 0..<node.count {
                let row = node[place]
                if ranks[start + Int(row)] <= split.lower {
                    node[left] = row
                    left += 1
                } else {
                    spare[right] = row
                    right += 1
                }
            }
            for place in 0..<right { node[left + place] = spare[place] }
        }
    }
}
