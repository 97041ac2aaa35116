import Glibc

/// Gathers predictions of numbers, row by row; accumulators of parts merge into that of the whole. Several targets
/// count alike: a metric is the mean of theirs.
public struct RegressionAccumulator: Sendable, Hashable {
    private struct Target: Sendable, Hashable {
        var absolute = 0.0
        var squared = 0.0
        /// Of the actual numbers: mean and sum of squared deviations (West, 1979).
        var mean = 0.0
        var deviation = 0.0
    }

    public let targetCount: Int
    public private(set) var rowCount = 0
    private var weightSum = 0.0
    private var targets: [Target]

    /// - Precondition: at least one target.
    public init(targetCount: Int = 1) {
        precondition(targetCount >= 1, "no targets")
        self.targetCount = targetCount
        targets = [Target](repeating: Target(), count: targetCount)
    }

    /// - Throws: ``DataError`` when there are not as many numbers as targets.
    public mutating func add(
        predicted: some RandomAccessCollection<Float>, actual: some RandomAccessCollection<Float>, weight: Float = 1
    ) throws(DataError) {
        guard predicted.count == targetCount, actual.count == targetCount else {
            throw DataError(
                .mismatch, "found \(predicted.count) numbers for \(actual.count) targets, expected \(targetCount)")
        }
        rowCount += 1
        let weight = Double(weight)
        guard weight > 0 else { return }
        weightSum += weight
        for (index, (predicted, actual)) in zip(predicted, actual).enumerated() {
            let error = Double(predicted) - Double(actual)
            targets[index].absolute += weight * abs(error)
            targets[index].squared += weight * error * error
            let difference = Double(actual) - targets[index].mean
            targets[index].mean += difference * weight / weightSum
            targets[index].deviation += weight * difference * (Double(actual) - targets[index].mean)
        }
    }

    /// - Precondition: of as many targets.
    public mutating func merge(_ other: RegressionAccumulator) {
        precondition(other.targetCount == targetCount, "\(other.targetCount) targets, expected \(targetCount)")
        let total = weightSum + other.weightSum
        rowCount += other.rowCount
        guard total > 0 else { return }
        for index in targets.indices {
            let (left, right) = (targets[index], other.targets[index])
            // Chan, Golub and LeVeque, 1979.
            let difference = right.mean - left.mean
            targets[index].absolute += right.absolute
            targets[index].squared += right.squared
            targets[index].mean += difference * other.weightSum / total
            targets[index].deviation +=
                right.deviation + difference * difference * weightSum * other.weightSum / total
        }
        weightSum = total
    }

    /// What the rows so far amount to. R² needs two rows; it is 0 where the actual numbers are all the same and the
    /// predictions are not, 1 where both are.
    public func report() -> EvaluationReport {
        var values: [Metric: Double] = [:]
        if weightSum > 0 {
            let count = Double(targetCount)
            values[.mae] = targets.reduce(0) { $0 + $1.absolute / weightSum } / count
            values[.rmse] = targets.reduce(0) { $0 + ($1.squared / weightSum).squareRoot() } / count
            if rowCount >= 2 {
                values[.r2] =
                    targets.reduce(0) { sum, target in
                        if target.deviation > 0 { return sum + 1 - target.squared / target.deviation }
                        return sum + (target.squared == 0 ? 1 : 0)
                    } / count
            }
        }
        return EvaluationReport(rowCount: rowCount, values: values)
    }
}

/// The C library's natural logarithm, for files that do not import it.
func logarithm(_ x: Double) -> Double { log(x) }
