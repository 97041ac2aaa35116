import CTensorKernels

/// The trees of an ensemble, checked and flattened for the kernel.
struct TreeTable: Sendable {
    /// A node as the operators' attributes give it.
    struct Branch {
        var feature: Int
        var split: Double
        var mode: mk_branch
        var missingTracksTrue: Bool
        var yes: Child
        var no: Child
    }

    enum Child: Hashable {
        case node(Int)
        case leaf(Int)
    }

    private var nodes: [mk_tree_node] = []
    private var roots: [Int32] = []
    private var leafStarts: [Int32] = []
    /// The same trees for the faster kernel, where it applies.
    private var plain: (nodes: [mk_plain_node], roots: [Int32], depths: [Int32])?
    private let targets: [Int32]
    private let weights: [Double]
    let targetCount: Int
    let aggregation: mk_tree_aggregation
    let treeCount: Int
    /// The number of features that are looked at, at least.
    private(set) var featureCount = 0

    static let maximumNodeCount = 1 << 28

    /// - Parameter leaves: for each leaf, its targets and weights.
    init(
        _ branches: [Branch], roots: [Child], leaves: [[(target: Int, weight: Double)]], targetCount: Int,
        aggregation: mk_tree_aggregation, _ node: NodeReader
    ) throws(GraphError) {
        guard branches.count <= Self.maximumNodeCount, leaves.count <= Self.maximumNodeCount, targetCount >= 1,
            targetCount <= 1 << 20
        else {
            throw node.error(
                .limitExceeded, "found \(branches.count) nodes, \(leaves.count) leaves and \(targetCount) targets")
        }
        self.targetCount = targetCount
        self.aggregation = aggregation
        treeCount = roots.count
        var targets: [Int32] = []
        var weights: [Double] = []
        for leaf in leaves {
            leafStarts.append(Int32(targets.count))
            for (target, weight) in leaf {
                guard (0..<targetCount).contains(target) else {
                    throw node.error(.invalidGraph, "a leaf has target \(target), expected 0 to \(targetCount - 1)")
                }
                targets.append(Int32(target))
                weights.append(weight)
            }
        }
        leafStarts.append(Int32(targets.count))
        (self.targets, self.weights) = (targets, weights)
        // Numbered in the order of a walk from the roots: parents before children, a node twice is a cycle or shared.
        var places: [Int: Int32] = [:]
        var waiting: [(index: Int, place: Int)] = []
        func placed(_ child: Child) throws(GraphError) -> Int32 {
            switch child {
            case .leaf(let index):
                guard leaves.indices.contains(index) else {
                    throw node.error(.invalidGraph, "leaf \(index) is not there, found \(leaves.count)")
                }
                return ~Int32(index)
            case .node(let index):
                guard branches.indices.contains(index) else {
                    throw node.error(.invalidGraph, "node \(index) is not there, found \(branches.count)")
                }
                guard places[index] == nil else {
                    throw node.error(.invalidGraph, "node \(index) is reached twice: the trees have a cycle")
                }
                let place = nodes.count
                places[index] = Int32(place)
                nodes.append(mk_tree_node())
                waiting.append((index, place))
                return Int32(place)
            }
        }
        for root in roots {
            self.roots.append(try placed(root))
            while let (index, place) = waiting.popLast() {
                let branch = branches[index]
                guard branch.feature >= 0, branch.feature < 1 << 24 else {
                    throw node.error(.invalidGraph, "node \(index) looks at feature \(branch.feature)")
                }
                featureCount = max(featureCount, branch.feature + 1)
                let (yes, no) = (try placed(branch.yes), try placed(branch.no))
                nodes[place] = mk_tree_node(
                    split: branch.split, feature: Int32(branch.feature), yes: yes, no: no,
                    mode: UInt8(branch.mode.rawValue),
                    missing_tracks_true: branch.missingTracksTrue ? 1 : 0)
            }
        }
        plain = plainTrees(leafCount: leaves.count)
    }

    /// nil when a comparison is not "less or equal" by a float32, or missing values go its way.
    private func plainTrees(leafCount: Int) -> (nodes: [mk_plain_node], roots: [Int32], depths: [Int32])? {
        let isPlain = nodes.allSatisfy { node in
            node.mode == UInt8(MK_BRANCH_LEQ.rawValue) && node.missing_tracks_true == 0
                && Double(Float(node.split)) == node.split
        }
        guard isPlain, nodes.count + leafCount < Int(Int32.max) else { return nil }
        let firstLeaf = Int32(nodes.count)
        func place(_ child: Int32) -> Int32 { child < 0 ? firstLeaf + ~child : child }
        var result = nodes.map { node in
            mk_plain_node(
                split: Float(node.split), feature: node.feature, yes: place(node.yes), no: place(node.no), leaf: -1)
        }
        for leaf in 0..<Int32(leafCount) {
            result.append(mk_plain_node(split: 0, feature: 0, yes: firstLeaf + leaf, no: firstLeaf + leaf, leaf: leaf))
        }
        // Children come behind their parents: from the back, each node knows how far its leaves are.
        var heights = [Int32](repeating: 0, count: result.count)
        for index in nodes.indices.reversed() {
            heights[index] = 1 + max(heights[Int(result[index].yes)], heights[Int(result[index].no)])
        }
        return (result, roots.map(place), roots.map { heights[Int(place($0))] })
    }

    /// Adds the leaves that each row reaches to its scores.
    func add(_ x: UnsafePointer<Float>, rows: Int, width: Int, to scores: UnsafeMutablePointer<Float>) {
        withTrees { trees in
            guard let plain else { return mk_trees_f32(trees, x, rows, width, scores) }
            mk_plain_trees_f32(trees, plain.nodes, plain.roots, plain.depths, x, rows, width, scores)
        }
    }

    /// Calls `body` with the kernel's view of the trees.
    func withTrees(_ body: (UnsafePointer<mk_trees>) -> Void) {
        nodes.withUnsafeBufferPointer { nodes in
            roots.withUnsafeBufferPointer { roots in
                leafStarts.withUnsafeBufferPointer { starts in
                    targets.withUnsafeBufferPointer { targets in
                        weights.withUnsafeBufferPointer { weights in
                            var trees = mk_trees(
                                nodes: nodes.baseAddress, roots: roots.baseAddress, tree_count: roots.count,
                                leaf_starts: starts.baseAddress, targets: targets.baseAddress,
                                weights: weights.baseAddress, target_count: targetCount, aggregation: aggregation)
                            body(&trees)
                        }
                    }
                }
            }
        }
    }
}

extension TreeTable {
    /// From the attributes `nodes_*` of TreeEnsembleClassifier and TreeEnsembleRegressor; leaf entries from those that begin
    /// with `prefix` (`class` or `target`).
    static func read(
        _ node: inout NodeReader, prefix: String, targetCount: Int, aggregation: mk_tree_aggregation
    ) throws(GraphError) -> TreeTable {
        func required(_ name: String) throws(GraphError) -> [Int] {
            guard let list = try node.ints(name) else {
                throw node.error(.invalidGraph, "attribute '\(name)' is missing")
            }
            return list
        }
        let (trees, ids) = (try required("nodes_treeids"), try required("nodes_nodeids"))
        let (features, yes, no) = (
            try required("nodes_featureids"), try required("nodes_truenodeids"), try required("nodes_falsenodeids")
        )
        let modes = try node.strings("nodes_modes") ?? []
        let splits = try node.numbers("nodes_values", tensor: "nodes_values_as_tensor") ?? []
        let missing = try node.ints("nodes_missing_value_tracks_true") ?? []
        _ = try node.numbers("nodes_hitrates", tensor: "nodes_hitrates_as_tensor")
        let lists = [trees.count, ids.count, features.count, yes.count, no.count, modes.count, splits.count]
        guard Set(lists).count == 1, missing.isEmpty || missing.count == trees.count else {
            throw node.error(.invalidGraph, "the lists nodes_* have \(lists) elements, expected as many of each")
        }
        struct Key: Hashable {
            let tree: Int
            let node: Int
        }
        var places: [Key: Int] = [:]
        for index in trees.indices {
            guard places.updateValue(index, forKey: Key(tree: trees[index], node: ids[index])) == nil else {
                throw node.error(.invalidGraph, "tree \(trees[index]) has two nodes \(ids[index])")
            }
        }
        var leaves: [[(target: Int, weight: Double)]] = []
        var leafOfNode: [Int: Int] = [:]
        for index in trees.indices where modes[index] == "LEAF" {
            leafOfNode[index] = leaves.count
            leaves.append([])
        }
        let (leafTrees, leafNodes) = (try required("\(prefix)_treeids"), try required("\(prefix)_nodeids"))
        let targets = try required("\(prefix)_ids")
        let weights = try node.numbers("\(prefix)_weights", tensor: "\(prefix)_weights_as_tensor") ?? []
        let entryLists = [leafTrees.count, leafNodes.count, targets.count, weights.count]
        guard Set(entryLists).count == 1 else {
            throw node.error(
                .invalidGraph, "the lists \(prefix)_* have \(entryLists) elements, expected as many of each")
        }
        for index in targets.indices {
            guard let place = places[Key(tree: leafTrees[index], node: leafNodes[index])], let leaf = leafOfNode[place]
            else {
                throw node.error(
                    .invalidGraph, "\(prefix)_nodeids: node \(leafNodes[index]) of tree \(leafTrees[index]) is no leaf")
            }
            leaves[leaf].append((targets[index], weights[index]))
        }
        let names: [String: mk_branch] = [
            "BRANCH_LEQ": MK_BRANCH_LEQ, "BRANCH_LT": MK_BRANCH_LT, "BRANCH_GTE": MK_BRANCH_GTE,
            "BRANCH_GT": MK_BRANCH_GT, "BRANCH_EQ": MK_BRANCH_EQ, "BRANCH_NEQ": MK_BRANCH_NEQ,
        ]
        var branches: [Branch] = []
        for index in trees.indices {
            func child(_ id: Int) throws(GraphError) -> Child {
                guard modes[index] != "LEAF" else { return .leaf(0) }
                guard let place = places[Key(tree: trees[index], node: id)] else {
                    throw node.error(.invalidGraph, "node \(ids[index]) of tree \(trees[index]) has no child \(id)")
                }
                return leafOfNode[place].map(Child.leaf) ?? .node(place)
            }
            guard modes[index] == "LEAF" || names[modes[index]] != nil else {
                throw node.error(.invalidGraph, "nodes_modes has '\(modes[index])', which is no mode")
            }
            branches.append(
                Branch(
                    feature: features[index], split: splits[index], mode: names[modes[index]] ?? MK_BRANCH_LEQ,
                    missingTracksTrue: missing.isEmpty ? false : missing[index] != 0, yes: try child(yes[index]),
                    no: try child(no[index])))
        }
        // The first node of each tree is its root, trees in the order in which they begin.
        var seen = Set<Int>()
        let roots = trees.indices.filter { seen.insert(trees[$0]).inserted }
        return try TreeTable(
            branches, roots: roots.map { leafOfNode[$0].map(Child.leaf) ?? .node($0) }, leaves: leaves,
            targetCount: targetCount, aggregation: aggregation, node)
    }
}
