import Glibc

/// The weighted mean of the cross entropy of softmax(W x + b), with the penalty, as a function of parameters for centred and
/// scaled features: for each function its coefficients, then its intercept. Two classes have one function, that of the
/// second.
struct LogisticLoss {
    let features: FeatureMatrix
    let classes: [Int]
    /// Of each row; they sum to one.
    let weights: [Double]
    let functionCount: Int
    /// 1 over the deviations, of constant columns zero, which keeps their coefficients at zero.
    private let scales: [Double]
    private let means: [Double]
    /// Of |coefficients|² / 2.
    private let strength: Double
    private let fitsIntercept: Bool

    init(
        features: FeatureMatrix, classes: [Int], weights: [Double], functionCount: Int, statistics: ColumnMoments,
        inversePenalty: Double?, fitsIntercept: Bool
    ) {
        let total = weights.reduce(0, +)
        self.features = features
        self.classes = classes
        self.weights = weights.map { $0 / total }
        self.functionCount = functionCount
        self.fitsIntercept = fitsIntercept
        strength = inversePenalty.map { 1 / ($0 * total) } ?? 0
        // Without an intercept a shift of the features cannot be made good.
        means = fitsIntercept ? statistics.means : statistics.means.map { _ in 0 }
        scales = zip(statistics.deviations, statistics.means).map { deviation, mean in
            let size = fitsIntercept ? deviation : (deviation * deviation + mean * mean).squareRoot()
            return size > 0 ? 1 / size : 0
        }
    }

    var parameterCount: Int { functionCount * (features.columns + 1) }

    /// The functions of the features as given.
    func functions(_ parameters: [Double]) -> [LinearFunction] {
        let columns = features.columns
        return (0..<functionCount).map { function in
            let start = function * (columns + 1)
            let coefficients = (0..<columns).map { parameters[start + $0] * scales[$0] }
            let shift = zip(coefficients, means).reduce(0) { $0 + $1.0 * $1.1 }
            return LinearFunction(
                coefficients: coefficients, intercept: fitsIntercept ? parameters[start + columns] - shift : 0)
        }
    }

    /// The loss at `parameters`, and its derivatives into `gradient`.
    func value(_ parameters: [Double], _ gradient: inout [Double]) -> Double {
        let (columns, functionCount) = (features.columns, functionCount)
        let functions = functions(parameters)
        let coefficients = functions.flatMap(\.coefficients)
        // Σ of residuals times rows, and of residuals, for each function.
        var sums = [Double](repeating: 0, count: functionCount * columns)
        var residualSums = [Double](repeating: 0, count: functionCount)
        var row = [Double](repeating: 0, count: columns)
        var scores = [Double](repeating: 0, count: functionCount)
        var loss = 0.0
        coefficients.withUnsafeBufferPointer { coefficients in
            sums.withUnsafeMutableBufferPointer { sums in
                row.withUnsafeMutableBufferPointer { row in
                    features.values.withUnsafeBufferPointer { values in
                        guard let x = row.baseAddress, let w = coefficients.baseAddress, let g = sums.baseAddress else {
                            return
                        }
                        for index in 0..<features.rows {
                            var column = 0
                            while column < columns {
                                x[column] = Double(values[index * columns + column])
                                column += 1
                            }
                            for function in 0..<functionCount {
                                scores[function] =
                                    functions[function].intercept + dot(x, w + function * columns, columns)
                            }
                            loss += weights[index] * residuals(&scores, class: classes[index])
                            for function in 0..<functionCount {
                                let residual = weights[index] * scores[function]
                                residualSums[function] += residual
                                addScaled(g + function * columns, x, residual, columns)
                            }
                        }
                    }
                }
            }
        }
        for function in 0..<functionCount {
            let start = function * (columns + 1)
            for column in 0..<columns {
                let coefficient = coefficients[function * columns + column]
                loss += strength / 2 * coefficient * coefficient
                let sum = sums[function * columns + column] - means[column] * residualSums[function]
                gradient[start + column] = (sum + strength * coefficient) * scales[column]
            }
            gradient[start + columns] = fitsIntercept ? residualSums[function] : 0
        }
        return loss
    }

    /// The loss of a row with these scores, which become probabilities less one for the right class.
    private func residuals(_ scores: inout [Double], class index: Int) -> Double {
        if functionCount == 1 {
            let score = scores[0]
            let sign = index == 1 ? 1.0 : -1.0
            // log(1 + exp(-sign · score)) without overflow.
            let margin = sign * score
            let small = exp(-abs(margin))
            scores[0] = -sign * (margin > 0 ? small / (1 + small) : 1 / (1 + small))
            return log1p(small) + (margin > 0 ? 0 : -margin)
        }
        var greatest = scores[0]
        for score in scores where score > greatest { greatest = score }
        let own = scores[index]
        var sum = 0.0
        for function in 0..<functionCount {
            scores[function] = exp(scores[function] - greatest)
            sum += scores[function]
        }
        for function in 0..<functionCount { scores[function] /= sum }
        scores[index] -= 1
        return log(sum) + greatest - own
    }
}

/// Probabilities in proportion to the exponentials.
func softmax(_ scores: [Double]) -> [Double] {
    let greatest = scores.max() ?? 0
    let weights = scores.map { exp($0 - greatest) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
}
