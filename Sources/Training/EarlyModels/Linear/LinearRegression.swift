public import JSONDocuments

/// Ordinary least squares, by QR; with dependent columns or fewer rows than columns the shortest of all solutions.
public struct LinearRegression: EarlyModel {
    public static let kind = EarlyModelKind.linearRegression
    public var fitsIntercept = true

    public init() {}

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: ["fit_intercept"])
        fitsIntercept = try hyperparameters.bool("fit_intercept", default: true)
    }

    public var hyperparameters: JSONValue { ["fit_intercept": .bool(fitsIntercept)] }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        return try LinearFit.fitted(kind, rows, penalty: 0, fitsIntercept: fitsIntercept, shouldContinue)
    }
}

/// Least squares with the penalty alpha · |coefficients|², the intercept going free (Hoerl and Kennard, 1970), by QR of the
/// rows with √alpha times the identity below them.
public struct RidgeRegression: EarlyModel {
    public static let kind = EarlyModelKind.ridge
    public var penalty = 1.0
    public var fitsIntercept = true

    public init() {}

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: ["alpha", "fit_intercept"])
        penalty = try hyperparameters.number("alpha", default: 1, from: 0, through: 1e30)
        fitsIntercept = try hyperparameters.bool("fit_intercept", default: true)
    }

    public var hyperparameters: JSONValue { ["alpha": .real(penalty), "fit_intercept": .bool(fitsIntercept)] }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        return try LinearFit.fitted(kind, rows, penalty: penalty, fitsIntercept: fitsIntercept, shouldContinue)
    }
}
