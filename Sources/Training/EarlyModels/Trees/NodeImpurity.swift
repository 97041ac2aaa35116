import Glibc

/// The targets of the rows that reach a node, summed; and where to split a sorted list of them best.
final class NodeImpurity {
    let criterion: SplitCriterion
    /// Of each row of the training data.
    private let classes: UnsafeBufferPointer<Int32>
    private let targets: UnsafeBufferPointer<Double>
    private let weights: UnsafeBufferPointer<Double>
    /// Of the node: the weight of each class; for numbers the sums of y and of y².
    let sums: UnsafeMutablePointer<Double>
    private(set) var weight = 0.0
    private let count: Int
    private let left: UnsafeMutablePointer<Double>
    private let right: UnsafeMutablePointer<Double>
    /// Whether all targets of the node are the same number.
    private var isConstant = false

    init(
        _ criterion: SplitCriterion, classCount: Int, classes: UnsafeBufferPointer<Int32>,
        targets: UnsafeBufferPointer<Double>, weights: UnsafeBufferPointer<Double>
    ) {
        self.criterion = criterion
        (self.classes, self.targets, self.weights) = (classes, targets, weights)
        count = criterion == .squaredError ? 2 : classCount
        (sums, left, right) = (.allocate(capacity: count), .allocate(capacity: count), .allocate(capacity: count))
    }

    deinit {
        sums.deallocate()
        left.deallocate()
        right.deallocate()
    }

    /// Takes the rows of a node.
    func gather(_ rows: UnsafeMutableBufferPointer<Int32>) {
        let (weights, sums, isNumber) = (weights, sums, criterion == .squaredError)
        sums.initialize(repeating: 0, count: count)
        var total = 0.0
        var place = 0
        while place < rows.count {
            let row = Int(rows[place])
            let w = weights[row]
            total += w
            if isNumber {
                let y = targets[row]
                sums[0] += w * y
                sums[1] += w * y * y
            } else {
                sums[Int(classes[row])] += w
            }
            place += 1
        }
        weight = total
        guard isNumber else { return }
        place = 1
        while place < rows.count, targets[Int(rows[place])] == targets[Int(rows[0])] { place += 1 }
        isConstant = place >= rows.count
    }

    /// Of the whole node.
    var impurity: Double {
        var result = 0.0
        switch criterion {
        case .squaredError:
            let mean = sums[0] / weight
            return isConstant ? 0 : max(0, sums[1] / weight - mean * mean)
        case .gini:
            for index in 0..<count { result += sums[index] * sums[index] }
            return max(0, 1 - result / (weight * weight))
        case .entropy:
            for index in 0..<count where sums[index] > 0 { result -= sums[index] / weight * log2(sums[index] / weight) }
            return result
        }
    }

    /// The impurity that two sides have together for the score of their split.
    func impurity(after score: Double) -> Double {
        switch criterion {
        case .gini: 1 - score / weight
        case .entropy: -score / weight
        case .squaredError: (sums[1] - score) / weight
        }
    }

    /// The shares of the classes, or the mean.
    var values: [Double] {
        criterion == .squaredError ? [sums[0] / weight] : (0..<count).map { sums[$0] / weight }
    }

    /// The best place to split rows that are sorted by a feature, the first of equally good ones; nil when there is none.
    /// - Parameters:
    ///   - keys: the feature's rank above bit 32, the place in `rows` below.
    ///   - least: rows on either side.
    func bestSplit(
        _ keys: UnsafePointer<UInt64>, rows: UnsafeMutableBufferPointer<Int32>, least: Int
    ) -> (count: Int, score: Double)? {
        criterion == .squaredError
            ? bestSplitOfNumbers(keys, rows, least) : bestSplitOfClasses(keys, rows, least)
    }

    private func bestSplitOfNumbers(
        _ keys: UnsafePointer<UInt64>, _ rows: UnsafeMutableBufferPointer<Int32>, _ least: Int
    ) -> (count: Int, score: Double)? {
        var best: (count: Int, score: Double)?
        var (sum, leftWeight) = (0.0, 0.0)
        let count = rows.count
        var place = 0
        while place < count - least {
            let row = Int(rows[Int(truncatingIfNeeded: keys[place] & 0xffff_ffff)])
            let w = weights[row]
            sum += w * targets[row]
            leftWeight += w
            place += 1
            guard place >= least, keys[place - 1] >> 32 != keys[place] >> 32 else { continue }
            let (rest, rightWeight) = (sums[0] - sum, weight - leftWeight)
            guard rightWeight > 0 else { continue }
            let score = sum * sum / leftWeight + rest * rest / rightWeight
            if score > best?.score ?? -.infinity { best = (place, score) }
        }
        return best
    }

    private func bestSplitOfClasses(
        _ keys: UnsafePointer<UInt64>, _ rows: UnsafeMutableBufferPointer<Int32>, _ least: Int
    ) -> (count: Int, score: Double)? {
        var best: (count: Int, score: Double)?
        let (isGini, total, rowCount) = (criterion == .gini, weight, rows.count)
        let (weights, classes, left, right) = (weights, classes, left, right)
        var leftWeight = 0.0
        // Σ of squares over the classes of either side, kept up to date row by row.
        var (leftSquares, rightSquares) = (0.0, 0.0)
        for index in 0..<count {
            left[index] = 0
            right[index] = sums[index]
            rightSquares += sums[index] * sums[index]
        }
        var place = 0
        while place < rowCount - least {
            let row = Int(rows[Int(truncatingIfNeeded: keys[place] & 0xffff_ffff)])
            let (w, c) = (weights[row], Int(classes[row]))
            leftSquares += w * (2 * left[c] + w)
            rightSquares += w * (w - 2 * right[c])
            left[c] += w
            right[c] -= w
            leftWeight += w
            place += 1
            guard place >= least, keys[place - 1] >> 32 != keys[place] >> 32 else { continue }
            let rightWeight = total - leftWeight
            guard rightWeight > 0 else { continue }
            let score =
                isGini ? leftSquares / leftWeight + rightSquares / rightWeight : entropy(leftWeight, rightWeight)
            if score > best?.score ?? -.infinity { best = (place, score) }
        }
        return best
    }

    /// Less the entropies of the two sides, each times its weight.
    private func entropy(_ leftWeight: Double, _ rightWeight: Double) -> Double {
        var score = 0.0
        for index in 0..<count {
            if left[index] > 0 { score += left[index] * log2(left[index] / leftWeight) }
            if right[index] > 0 { score += right[index] * log2(right[index] / rightWeight) }
        }
        return score
    }
}
