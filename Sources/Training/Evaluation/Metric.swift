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
