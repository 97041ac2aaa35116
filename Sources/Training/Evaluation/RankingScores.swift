/// The scores of rows for the area under the ROC curve, which needs them all at once: kept up to a limit.
struct RankingScores: Sendable, Hashable {
    static let defaultMaximumCount = 1 << 26

    let classCount: Int
    let maximumCount: Int
    /// A row's score for each class.
    private var scores: [Float] = []
    private var actual: [Int32] = []
    private var weights: [Float] = []
    /// Whether the limit was passed: there is no area then.
    private(set) var isOverflowing = false

    init(classCount: Int, maximumCount: Int = RankingScores.defaultMaximumCount) {
        self.classCount = classCount
        self.maximumCount = maximumCount
    }

    mutating func add(_ row: some Collection<Float>, actual index: Int, weight: Float) {
        guard !isOverflowing, scores.count + classCount <= maximumCount else { return overflow() }
        scores.append(contentsOf: row)
        actual.append(Int32(index))
        weights.append(weight)
    }

    mutating func merge(_ other: RankingScores) {
        guard !isOverflowing, !other.isOverflowing, scores.count + other.scores.count <= maximumCount else {
            return overflow()
        }
        scores += other.scores
        actual += other.actual
        weights += other.weights
    }

    private mutating func overflow() {
        isOverflowing = true
        (scores, actual, weights) = ([], [], [])
    }

    /// The area under the ROC curve: for two classes that of the second, for more the mean of each against all others.
    /// nil where a class has no rows or all of them, or there were too many to keep.
    var area: Double? {
        guard !isOverflowing, !actual.isEmpty, classCount >= 2 else { return nil }
        if classCount == 2 { return area(of: 1) }
        var sum = 0.0
        for index in 0..<classCount {
            guard let area = area(of: index) else { return nil }
            sum += area
        }
        return sum / Double(classCount)
    }

    /// The probability that a row of the class scores higher than one of another, ties counting half (Mann and Whitney,
    /// 1947).
    private func area(of index: Int) -> Double? {
        let order = actual.indices.sorted { left, right in
            (score(left, index), left) < (score(right, index), right)
        }
        var (below, product, positive) = (0.0, 0.0, 0.0)
        var start = 0
        while start < order.count {
            var (ofClass, ofOthers) = (0.0, 0.0)
            var end = start
            while end < order.count, score(order[end], index) == score(order[start], index) {
                if Int(actual[order[end]]) == index {
                    ofClass += Double(weights[order[end]])
                } else {
                    ofOthers += Double(weights[order[end]])
                }
                end += 1
            }
            product += ofClass * (below + ofOthers / 2)
            below += ofOthers
            positive += ofClass
            start = end
        }
        guard positive > 0, below > 0 else { return nil }
        return product / (positive * below)
    }

    private func score(_ row: Int, _ index: Int) -> Float { scores[row * classCount + index] }
}
