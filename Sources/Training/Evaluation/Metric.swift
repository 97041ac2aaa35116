import JSONDocuments

/// The metrics that evaluations report, by the names they have in requests and reports.
public enum Metric: String, Sendable, Hashable, CaseIterable {
    case loss
    case accuracy
    case precisionMacro = "precision_macro"
    case precisionMicro = "precision_micro"
    case precisionWeighted = "precision_weighted"
    case recallMacro = "recall_macro"
    case recallMicro = "recall_micro"
    case recallWeighted = "recall_weighted"
    case f1Macro = "f1_macro"
    case f1Micro = "f1_micro"
    case f1Weighted = "f1_weighted"
    case rocAUC = "roc_auc"
    case logLoss = "log_loss"
    case rmse
    case mae
    case r2

    public enum Direction: String, Sendable, Hashable {
        case minimize, maximize

        /// Whether the first value is strictly better than the second; NaN is worse than everything.
        public func prefers(_ first: Double, to second: Double) -> Bool {
            if first.isNaN { return false }
            if second.isNaN { return true }
            return self == .minimize ? first < second : first > second
        }
    }

    public var direction: Direction {
        switch self {
        case .loss, .logLoss, .rmse, .mae: .minimize
        default: .maximize
        }
    }
}

extension Metric {
    /// What a report on such labels holds, the loss not among them: it is measured between epochs only.
    static func reported(isClassification: Bool) -> [Metric] {
        allCases.filter { metric in
            switch metric {
            case .loss: false
            case .rmse, .mae, .r2: !isClassification
            default: isClassification
            }
        }
    }

    /// The name of a metric that reports on such labels hold.
    /// - Throws: ``JSONError`` that lists them.
    init(reading cursor: JSONCursor, isClassification: Bool) throws(JSONError) {
        let name = try Setting.choice(
            cursor, of: Self.reported(isClassification: isClassification).map(\.rawValue),
            what: isClassification ? "a metric of classes," : "a metric of numbers,")
        guard let metric = Metric(rawValue: name) else { throw cursor.mismatch("a metric") }
        self = metric
    }
}
