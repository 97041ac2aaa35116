/// Gathers a model's predictions row by row, of classes or of numbers.
struct Judgement {
    private enum Gathered {
        case classes(ClassificationAccumulator)
        case numbers(RegressionAccumulator)
    }

    private let dataset: any Dataset
    private let kind: PredictionKind
    private var gathered: Gathered

    init(_ dataset: any Dataset, _ kind: PredictionKind) {
        (self.dataset, self.kind) = (dataset, kind)
        gathered =
            dataset.schema.isClassification
            ? .classes(ClassificationAccumulator(classCount: max(dataset.schema.classNames?.count ?? 2, 2)))
            : .numbers(RegressionAccumulator(targetCount: max(dataset.schema.labelCount, 1)))
    }

    /// - Parameter predictions: the rows' numbers, one row behind the other.
    /// - Throws: ``DataError`` when they are not as many as the label needs, or NaN.
    mutating func add(_ rows: ArraySlice<Int>, _ predictions: UnsafeBufferPointer<Float>) throws(DataError) {
        guard !rows.isEmpty, predictions.count % rows.count == 0 else {
            throw DataError(.mismatch, "found \(predictions.count) predictions for \(rows.count) rows")
        }
        let width = predictions.count / rows.count
        for (place, row) in rows.enumerated() {
            let one = UnsafeBufferPointer(rebasing: predictions[place * width..<(place + 1) * width])
            switch gathered {
            case .classes(var accumulator):
                // Out of the enumeration while it changes, or it would be copied.
                gathered = .numbers(RegressionAccumulator())
                defer { gathered = .classes(accumulator) }
                try accumulator.add(
                    probabilities: kind.probabilities(one), actual: dataset.classIndex(row), weight: dataset.weight(row)
                )
            case .numbers(var accumulator):
                try accumulator.add(predicted: one, actual: dataset.label(row), weight: dataset.weight(row))
                gathered = .numbers(accumulator)
            }
        }
    }

    func report() -> EvaluationReport {
        switch gathered {
        case .classes(let accumulator):
            var report = accumulator.report(classNames: dataset.schema.classNames)
            if kind == .scores { report.values[.logLoss] = nil }
            return report
        case .numbers(let accumulator): return accumulator.report()
        }
    }
}
