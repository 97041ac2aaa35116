import JSONDocuments
import TensorEngine

/// A linear function of the features, in binary64.
struct LinearFunction: Sendable {
    var coefficients: [Double]
    var intercept: Double

    func callAsFunction(_ row: [Float]) -> Double {
        var sum = intercept
        for (value, coefficient) in zip(row, coefficients) { sum += Double(value) * coefficient }
        return sum
    }

    /// With coefficients that are float32, as graphs have them, and the intercept changed by what that changes for the
    /// mean row.
    func rounded(means: [Double]) -> (coefficients: [Float], intercept: Float) {
        let rounded = coefficients.map { Float($0) }
        var shift = 0.0
        for column in rounded.indices { shift += (coefficients[column] - Double(rounded[column])) * means[column] }
        return (rounded, Float(intercept + shift))
    }
}

/// Least squares with or without a penalty.
enum LinearFit {
    /// Columns that a fit may have: its cost grows with their square.
    static let maximumColumnCount = 8192
    /// Numbers of the rows in binary64: 1 GiB.
    static let maximumElementCount = 1 << 27

    static func fitted(
        _ kind: EarlyModelKind, _ rows: FitRows, penalty: Double, fitsIntercept: Bool,
        _ shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        guard case .values(let targets) = rows.targets else {
            throw EarlyModelError(.unsupported, "targets", "\(kind.rawValue) cannot be fitted to classes")
        }
        let columns = rows.features.columns
        let height = rows.count + (penalty > 0 ? columns : 0)
        guard columns <= maximumColumnCount, height * columns <= maximumElementCount else {
            throw EarlyModelError(
                .limitExceeded, "features",
                "found \(rows.count) rows of \(columns) columns, expected at most \(maximumColumnCount) columns and "
                    + "\(maximumElementCount) numbers")
        }
        let weights = rows.weights ?? [Double](repeating: 1, count: rows.count)
        let statistics = ColumnMoments(rows.features, weights: weights)
        let means = fitsIntercept ? statistics.means : [Double](repeating: 0, count: columns)
        let total = weights.reduce(0, +)
        let targetMean = fitsIntercept ? zip(targets, weights).reduce(0) { $0 + $1.0 * ($1.1 / total) } : 0
        // Columns that never change have coefficient 0 beside an intercept.
        let varying = (0..<columns).filter { !fitsIntercept || statistics.deviations[$0] > 0 }
        var problem = LeastSquares(rows: rows.count + (penalty > 0 ? varying.count : 0), columns: varying.count)
        let roots = weights.map { $0.squareRoot() }
        for (place, column) in varying.enumerated() {
            for row in 0..<rows.count {
                let value = Double(rows.features.values[row * columns + column]) - means[column]
                problem.matrix[place * problem.rows + row] = value * roots[row]
            }
            if penalty > 0 { problem.matrix[place * problem.rows + rows.count + place] = penalty.squareRoot() }
        }
        for row in 0..<rows.count { problem.right[row] = (targets[row] - targetMean) * roots[row] }
        let solution = try problem.solve(shouldContinue)
        var function = LinearFunction(coefficients: [Double](repeating: 0, count: columns), intercept: targetMean)
        for (place, column) in varying.enumerated() { function.coefficients[column] = solution.values[place] }
        for column in 0..<columns { function.intercept -= function.coefficients[column] * means[column] }
        guard function.coefficients.allSatisfy({ Float($0).isFinite }), Float(function.intercept).isFinite else {
            throw EarlyModelError(.numerical, "features", "the coefficients are no finite float32 numbers")
        }
        var warnings: [String] = []
        if solution.rank < varying.count {
            warnings.append(
                "the columns are not independent: rank \(solution.rank) of \(varying.count); the shortest solution is taken"
            )
        }
        return FittedModel(
            graph: graph(kind, function.rounded(means: statistics.means)), kind: kind, task: .regression,
            details: [
                "coefficients": .numbers(function.coefficients), "intercept": .real(function.intercept),
                "rank": .integer(Int64(solution.rank)),
            ], warnings: warnings, predictor: LinearPredictor(function: function))
    }

    private static func graph(
        _ kind: EarlyModelKind, _ function: (coefficients: [Float], intercept: Float)
    ) -> Graph {
        var assembly = GraphAssembly(kind, columns: function.coefficients.count)
        assembly.add(
            "LinearRegressor", [EarlyModelValue.features], as: EarlyModelValue.prediction,
            [
                "coefficients": .floats(function.coefficients), "intercepts": .floats([function.intercept]),
                "targets": .int(1),
            ])
        return assembly.regression()
    }
}

struct LinearPredictor: RowPredictor {
    let function: LinearFunction

    func predict(_ row: [Float]) -> RowPrediction { RowPrediction(values: [function(row)]) }
}
