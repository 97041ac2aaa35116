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
    /// Of each leaf, one after the other: the shares of the classes, or the one mean.
    var values: [Double] = []
    let valueCount: Int
    var depth = 0
    /// By how much the splits of each feature lower the impurity, weighted by the share of rows that reach them.
    var importances: [Double]

    init(valueCount: Int, columns: Int) {
        self.valueCount = valueCount
        importances = [Double](repeating: 0, count: columns)
    }

    var leafCount: Int { values.count / valueCount }

    /// The values of the leaf that a row reaches.
    func leaf(_ row: [Float]) -> ArraySlice<Double> {
        var node = nodes[0]
        while node.feature >= 0 {
            node = nodes[Int(row[Int(node.feature)] <= node.threshold ? node.left : node.right)]
        }
        return values[Int(node.right) * valueCount..<(Int(node.right) + 1) * valueCount]
    }
}
