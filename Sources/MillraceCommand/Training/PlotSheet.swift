import ArgumentParser
import Training

/// The charts of a training below each other in one SVG document: the loss by epoch, the validation metrics by epoch, the
/// confusion matrix; those that there is nothing to draw of are left out.
struct PlotSheet {
    /// Folds and trials whose curves are drawn; more tell nothing.
    static let maximumCurves = 7

    /// A fit's curves.
    struct Curves {
        let name: String
        let epochs: [EpochRecord]
    }

    let title: String
    /// The fit whose model is the result; nil while there is none.
    let result: Curves?
    /// The fits that judged it.
    let folds: [Curves]
    let confusion: ConfusionMatrix?
    let classNames: [String]

    static func validate(_ path: String?) throws {
        guard let path, !path.hasSuffix(".svg") else { return }
        throw ValidationError("--plot: found \"\(path)\", expected a name that ends in .svg")
    }

    func write(to path: String) throws {
        let charts = self.charts
        guard !charts.isEmpty else {
            throw CommandFailure(.usage, "--plot: there are neither epochs nor classes to draw")
        }
        try OutputFile.write(Array(SVGStack.svg(charts, title: title).utf8), to: path)
    }

    var charts: [String] {
        var charts: [String] = []
        let loss = losses
        if !loss.isEmpty { charts.append(LineChart(title: "\(title): loss", yLabel: "loss", series: loss).svg()) }
        for (metrics, name) in Self.families {
            let series = curves(of: metrics)
            if !series.isEmpty {
                charts.append(LineChart(title: "\(title): \(name)", yLabel: name, series: series).svg())
            }
        }
        if let confusion {
            charts.append(
                ConfusionChart.svg(confusion, classNames: classNames, title: "\(title): confusion matrix"))
        }
        return charts
    }

    /// Metrics of one scale share a chart.
    private static let families: [(metrics: [Metric], name: String)] = [
        ([.accuracy, .f1Macro, .rocAUC], "score"), ([.rmse, .mae], "error"), ([.r2], "r2"), ([.logLoss], "log loss"),
    ]

    private var losses: [LineChart.Series] {
        var series: [LineChart.Series] = []
        if let result, !result.epochs.isEmpty {
            series.append(.init("training", points: Self.points(result.epochs) { $0.loss }))
            let points = Self.points(result.epochs) { $0.validation[.loss] }
            if !points.isEmpty { series.append(.init("validation", points: points, isDashed: true)) }
        }
        for fold in folds.prefix(Self.maximumCurves - series.count) {
            let points = Self.points(fold.epochs) { $0.validation[.loss] }
            if !points.isEmpty { series.append(.init("\(fold.name) validation", points: points, isDashed: true)) }
        }
        return series
    }

    /// Of the result where it was judged itself, else of its folds.
    private func curves(of metrics: [Metric]) -> [LineChart.Series] {
        let isJudged = result?.epochs.contains { !$0.validation.isEmpty } ?? false
        let sources = isJudged ? result.map { [$0] } ?? [] : folds
        var series: [LineChart.Series] = []
        for metric in metrics {
            for source in sources where series.count < Self.maximumCurves {
                let points = Self.points(source.epochs) { $0.validation[metric] }
                let name = isJudged ? metric.rawValue : "\(source.name) \(metric.rawValue)"
                if !points.isEmpty { series.append(.init(name, points: points)) }
            }
        }
        return series
    }

    /// Epochs from 1; those that do not have the value are left out.
    private static func points(
        _ epochs: [EpochRecord], _ value: (EpochRecord) -> Double?
    ) -> [LineChart.Point] {
        epochs.compactMap { epoch in value(epoch).map { LineChart.Point(x: Double(epoch.epoch + 1), y: $0) } }
    }
}

extension PlotSheet {
    init(_ result: LocalTraining.Result, title: String) {
        self.init(
            title: title, result: Curves(name: result.fit.id.description, epochs: result.outcome.history),
            folds: result.ownFolds.map { Curves(name: $0.fit.id.description, epochs: $0.history) },
            confusion: result.confusion, classNames: result.outcome.classNames ?? [])
    }
}
