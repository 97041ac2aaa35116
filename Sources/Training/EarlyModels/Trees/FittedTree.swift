/// A grown tree: nodes in preorder, the first is the root.
struct FittedTree: Sendable {
    struct Node: Sendable {
        /// -1 of a leaf.
        var feature: Int32
        /// A row whose feature is at most this goes left.
        var threshold: Float
        var left: Int32
        /// Of a leaf, its place among the values.
        var right: Int32
    }

    var nodes: [Node] = []
    /// What the leaves say, one leaf after the other: the shares of the classes that it has, or its mean.
    private(set) var entries: [Entry] = []
    /// Where each leaf begins among the entries, and where the last one ends.
    private(set) var starts = [0]
    var depth = 0
    /// By how much the splits of each feature lower the impurity, weighted by the share of rows that reach them.
    var importances: [Double]

    struct Entry: Sendable {
        var target: Int32
        var value: Double
    }

    init(columns: Int) {
        importances = [Double](repeating: 0, count: columns)
    }

    var leafCount: Int { starts.count - 1 }

    /// Appends a leaf, as a node too. Shares of zero are left out.
    mutating func appendLeaf(_ values: [Double], isShares: Bool) {
        nodes.append(Node(feature: -1, threshold: 0, left: 0, right: Int32(leafCount)))
        for (target, value) in values.enumerated() where value != 0 || !isShares {
            entries.append(Entry(target: Int32(target), value: value))
        }
        starts.append(entries.count)
    }

    /// What a leaf says.
    func leaf(_ index: Int) -> ArraySlice<Entry> { entries[starts[index]..<starts[index + 1]] }

    /// What the leaf says that a row reaches.
    func leaf(of row: [Float]) -> ArraySlice<Entry> {
        var node = nodes[0]
        while node.feature >= 0 {
            node = nodes[Int(row[Int(node.feature)] <= node.threshold ? node.left : node.right)]
        }
        return leaf(Int(node.right))
    }
}
