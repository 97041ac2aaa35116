/// Weighted means and standard deviations of the columns; both are exact for columns that never change.
struct ColumnStatistics {
    let means: [Double]
    let deviations: [Double]

    init(_ features: FeatureMatrix, weights: [Double]) {
        let (columns, rows) = (features.columns, features.rows)
        let total = weights.reduce(0, +)
        // Around the first row, so that equal values differ by exactly zero.
        let first = (0..<columns).map { Double(features.values[$0]) }
        var sums = [Double](repeating: 0, count: columns)
        var squares = sums
        features.values.withUnsafeBufferPointer { values in
            for row in 0..<rows {
                let weight = weights[row] / total
                for column in 0..<columns {
                    sums[column] += weight * (Double(values[row * columns + column]) - first[column])
                }
            }
            for row in 0..<rows {
                let weight = weights[row] / total
                for column in 0..<columns {
                    let difference = Double(values[row * columns + column]) - first[column] - sums[column]
                    squares[column] += weight * difference * difference
                }
            }
        }
        means = zip(first, sums).map { $0 + $1 }
        deviations = squares.map { $0.squareRoot() }
    }
}
