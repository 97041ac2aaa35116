/// Moments and ranges of groups of numbers, one pass, in binary64 (Welford, 1962); NaN is left out.
struct GroupStatistics {
    private(set) var counts: [Int]
    private(set) var means: [Double]
    private var deviations: [Double]
    private(set) var minima: [Double]
    private(set) var maxima: [Double]

    init(groupCount: Int) {
        counts = [Int](repeating: 0, count: groupCount)
        means = [Double](repeating: 0, count: groupCount)
        deviations = means
        minima = [Double](repeating: .infinity, count: groupCount)
        maxima = [Double](repeating: -.infinity, count: groupCount)
    }

    /// - Parameter groups: of each number of a row; -1 for those of none.
    mutating func add(_ values: UnsafeBufferPointer<Float>, groups: [Int]) {
        for start in stride(from: 0, to: values.count, by: groups.count) {
            for (place, group) in groups.enumerated() where group >= 0 {
                let value = Double(values[start + place])
                if value.isNaN { continue }
                counts[group] += 1
                let difference = value - means[group]
                means[group] += difference / Double(counts[group])
                deviations[group] += difference * (value - means[group])
                minima[group] = min(minima[group], value)
                maxima[group] = max(maxima[group], value)
            }
        }
    }

    /// The standard deviation of the whole population; 1 where it is 0 but for rounding (scikit-learn's
    /// `_is_constant_feature`), so that a constant is divided by it unharmed.
    func scale(_ group: Int) -> Double {
        let count = Double(max(counts[group], 1))
        let variance = deviations[group] / count
        let unit = Double.ulpOfOne
        let rounding = count * unit * variance + (count * means[group] * unit) * (count * means[group] * unit)
        return variance <= rounding ? 1 : variance.squareRoot()
    }

    /// The difference of the largest and the least; 1 where there is none.
    func range(_ group: Int) -> Double {
        let range = maxima[group] - minima[group]
        return range > 10 * Double.ulpOfOne && range.isFinite ? range : 1
    }
}
