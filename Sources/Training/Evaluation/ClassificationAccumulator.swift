/// Gathers predictions of classes, row by row; accumulators of parts merge into that of the whole.
public struct ClassificationAccumulator: Sendable, Hashable {
    public private(set) var confusion: ConfusionMatrix
    public private(set) var rowCount = 0
    private var ranking: RankingScores
    private var logLossSum = 0.0
    private var weightSum = 0.0

    /// What a probability is at least, and at most less than 1, in the log loss: binary32's unit, as scikit-learn takes
    /// it.
    static let smallestProbability = Double(Float.ulpOfOne)

    /// - Parameter maximumScoreCount: scores kept for the area under the ROC curve; beyond, it is left out.
    /// - Precondition: at least two classes.
    public init(classCount: Int, maximumScoreCount: Int = 1 << 26) {
        precondition(classCount >= 2, "\(classCount) classes")
        confusion = ConfusionMatrix(classCount: classCount)
        ranking = RankingScores(classCount: classCount, maximumCount: maximumScoreCount)
    }

    /// Adds a row: the probability of each class, or of the second of two alone. The first of the largest is the
    /// prediction.
    /// - Throws: ``DataError`` when there are not as many as classes, or one is NaN.
    public mutating func add(
        probabilities: some RandomAccessCollection<Float>, actual: Int, weight: Float = 1
    ) throws(DataError) {
        let count = confusion.classCount
        let row = Array(probabilities)
        guard row.count == count || (row.count == 1 && count == 2) else {
            throw DataError(.mismatch, "found \(row.count) probabilities, expected \(count)")
        }
        guard !row.contains(where: \.isNaN) else { throw DataError(.mismatch, "found the probability NaN") }
        guard (0..<count).contains(actual) else {
            throw DataError(.mismatch, "found the class \(actual), expected 0 to \(count - 1)")
        }
        let all = row.count == count ? row : [1 - row[0], row[0]]
        var best = 0
        for index in 1..<count where all[index] > all[best] { best = index }
        confusion.add(actual: actual, predicted: best, weight: Double(weight))
        ranking.add(all, actual: actual, weight: weight)
        let smallest = Self.smallestProbability
        let probability = min(max(Double(all[actual]), smallest), 1 - smallest)
        logLossSum -= Double(weight) * logarithm(probability)
        weightSum += Double(weight)
        rowCount += 1
    }

    /// - Precondition: of as many classes.
    public mutating func merge(_ other: ClassificationAccumulator) {
        confusion.merge(other.confusion)
        ranking.merge(other.ranking)
        logLossSum += other.logLossSum
        weightSum += other.weightSum
        rowCount += other.rowCount
    }

    /// What the rows so far amount to.
    /// - Parameter classNames: in the order of the classes.
    public func report(classNames: [String]? = nil) -> EvaluationReport {
        let matrix = confusion
        var values: [Metric: Double] = [
            .accuracy: matrix.accuracy, .logLoss: ConfusionMatrix.ratio(logLossSum, weightSum),
            .precisionMacro: matrix.average(.macro, matrix.precision),
            .precisionMicro: matrix.average(.micro, matrix.precision),
            .precisionWeighted: matrix.average(.weighted, matrix.precision),
            .recallMacro: matrix.average(.macro, matrix.recall), .recallMicro: matrix.average(.micro, matrix.recall),
            .recallWeighted: matrix.average(.weighted, matrix.recall), .f1Macro: matrix.average(.macro, matrix.f1),
            .f1Micro: matrix.average(.micro, matrix.f1), .f1Weighted: matrix.average(.weighted, matrix.f1),
        ]
        values[.rocAUC] = ranking.area
        let classes = (0..<matrix.classCount).map { index in
            EvaluationReport.ClassScores(
                name: classNames.flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? String(index),
                precision: matrix.precision(index), recall: matrix.recall(index), f1: matrix.f1(index),
                support: matrix.support(index))
        }
        return EvaluationReport(rowCount: rowCount, values: values, classes: classes, confusion: matrix)
    }
}
