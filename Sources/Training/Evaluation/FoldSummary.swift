public import JSONDocuments

/// One metric over several folds or runs.
public struct FoldSummary: Sendable, Hashable {
    /// In the order of the folds that have it.
    public let values: [Double]

    public init(_ values: [Double]) { self.values = values }

    /// NaN without values.
    public var mean: Double { values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count) }

    /// Of the sample (n - 1); 0 for one value.
    public var standardDeviation: Double {
        guard values.count > 1 else { return values.isEmpty ? .nan : 0 }
        let mean = mean
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// Of the mean.
    public var standardError: Double { standardDeviation / Double(max(values.count, 1)).squareRoot() }

    public var json: JSONValue {
        [
            "mean": .real(mean), "standard_deviation": .real(standardDeviation), "standard_error": .real(standardError),
            "values": .array(values.map { .real($0) }),
        ]
    }

    /// Each metric that any of the reports has.
    public static func summaries(_ reports: [EvaluationReport]) -> [Metric: FoldSummary] {
        var result: [Metric: FoldSummary] = [:]
        for metric in Metric.allCases {
            let values = reports.compactMap { $0.values[metric] }
            if !values.isEmpty { result[metric] = FoldSummary(values) }
        }
        return result
    }

    /// `{"accuracy": {"mean": …, "standard_deviation": …}}`.
    public static func json(_ summaries: [Metric: FoldSummary]) -> JSONValue {
        .object(Dictionary(uniqueKeysWithValues: summaries.map { ($0.key.rawValue, $0.value.json) }))
    }
}
