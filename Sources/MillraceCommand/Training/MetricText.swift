import Training

/// Metrics and losses as lines and tables show them.
enum MetricText {
    /// Four digits after the point, or two significant ones of what is too small or large for that.
    static func short(_ value: Double) -> String {
        let size = abs(value)
        return value == 0 || (size >= 0.001 && size < 100_000)
            ? NumberText.fixed(value, digits: 4) : NumberText.scientific(value)
    }

    /// A table of each metric: a column for each report, and their mean and deviation where there are several.
    /// - Parameters:
    ///   - columns: at most ``maximumColumns`` are shown.
    ///   - summaries: over all of them; empty without.
    static func table(
        _ columns: [(title: String, report: EvaluationReport)], summaries: [Metric: FoldSummary] = [:]
    ) -> String {
        let shown = Array(columns.prefix(maximumColumns))
        var headings: [(title: String, alignment: TextTable.Alignment)] = [("METRIC", .left)]
        headings += shown.map { ($0.title, .right) }
        if !summaries.isEmpty { headings += [("MEAN", .right), ("DEVIATION", .right)] }
        var table = TextTable(headings)
        for metric in Metric.allCases {
            guard summaries[metric] != nil || shown.contains(where: { $0.report.values[metric] != nil }) else {
                continue
            }
            var cells = [metric.rawValue]
            cells += shown.map { column in column.report.values[metric].map(short) ?? "" }
            if let summary = summaries[metric] {
                cells += [short(summary.mean), "± \(short(summary.standardDeviation))"]
            }
            table.append(cells: cells)
        }
        let rest = columns.count - shown.count
        return table.render() + (rest > 0 ? "\n\(rest) more folds are in the mean; see --output json" : "")
    }

    static let maximumColumns = 10

    /// Precision, recall and F1 of each class; nil for many classes and for none.
    static func classes(_ report: EvaluationReport) -> String? {
        guard (1...maximumClasses).contains(report.classes.count) else { return nil }
        var table = TextTable([
            ("CLASS", .left), ("PRECISION", .right), ("RECALL", .right), ("F1", .right), ("SUPPORT", .right),
        ])
        for scores in report.classes {
            let isCount = scores.support == scores.support.rounded()
            table.append(
                scores.name, short(scores.precision), short(scores.recall), short(scores.f1),
                NumberText.fixed(scores.support, digits: isCount ? 0 : 2))
        }
        return table.render()
    }

    static let maximumClasses = 30
}
