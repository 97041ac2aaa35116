public import JSONDocuments
import TensorEngine

/// Logistic regression, of more than two classes multinomial, with the penalty |coefficients|² / (2 C), the intercepts going
/// free. Names, meanings and defaults of the hyperparameters are scikit-learn's (solver "lbfgs").
///
/// L-BFGS in binary64 on features that are centred and scaled to deviation one for the solver only: the penalty is that of
/// the coefficients of the features as given, so that the optimum is the same. The fit has converged when no derivative of
/// the mean loss is greater than `tol`.
public struct LogisticRegression: EarlyModel {
    public static let kind = EarlyModelKind.logisticRegression
    /// Coefficients of all classes.
    public static let maximumCoefficientCount = 1 << 21

    /// C, the inverse of the penalty's strength; nil is no penalty.
    public var inversePenalty: Double? = 1
    public var tolerance = 1e-4
    public var maximumIterationCount = 100
    public var fitsIntercept = true
    public var classWeight = ClassWeight.equal

    public init() {}

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: [
            "C", "penalty", "tol", "max_iter", "fit_intercept", "class_weight",
        ])
        let penalty = try hyperparameters.choice("penalty", default: Penalty.l2)
        let c = try hyperparameters.number("C", default: 1, above: 0, through: 1e12)
        inversePenalty = penalty == .none ? nil : c
        tolerance = try hyperparameters.number("tol", default: 1e-4, above: 0, through: 1)
        maximumIterationCount = try hyperparameters.integer("max_iter", default: 100, in: 1...100_000)
        fitsIntercept = try hyperparameters.bool("fit_intercept", default: true)
        classWeight = try ClassWeight(reading: try hyperparameters.optionalMember("class_weight"))
    }

    private enum Penalty: String, CaseIterable { case l2, none }

    public var hyperparameters: JSONValue {
        [
            "penalty": inversePenalty == nil ? "none" : "l2", "C": .real(inversePenalty ?? 1), "tol": .real(tolerance),
            "max_iter": .integer(Int64(maximumIterationCount)), "fit_intercept": .bool(fitsIntercept),
            "class_weight": classWeight.json,
        ]
    }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        guard case .classes(let classes, let present, let names) = rows.targets else {
            throw EarlyModelError(.unsupported, "targets", "\(kind.rawValue) cannot be fitted to numbers")
        }
        let functionCount = present.count == 2 ? 1 : present.count
        guard functionCount * (features.columns + 1) <= Self.maximumCoefficientCount else {
            throw EarlyModelError(
                .limitExceeded, "features",
                "\(features.columns) columns and \(present.count) classes have more than "
                    + "\(Self.maximumCoefficientCount) coefficients")
        }
        let rowWeights = try rows.rowWeights(classWeight)
        let statistics = ColumnMoments(rows.features, weights: rowWeights)
        let loss = LogisticLoss(
            features: rows.features, classes: classes, weights: rowWeights, functionCount: functionCount,
            statistics: statistics, inversePenalty: inversePenalty, fitsIntercept: fitsIntercept)
        let result = try LBFGS(tolerance: tolerance, maximumIterationCount: maximumIterationCount).minimize(
            from: [Double](repeating: 0, count: loss.parameterCount), loss.value, shouldContinue)
        let functions = loss.functions(result.parameters)
        guard
            functions.allSatisfy({ function in
                Float(function.intercept).isFinite && function.coefficients.allSatisfy { Float($0).isFinite }
            })
        else { throw EarlyModelError(.numerical, "features", "the coefficients are no finite float32 numbers") }
        let graph = try Self.graph(functions, means: statistics.means, present: present, names: names)
        var warnings: [String] = []
        if !result.hasConverged {
            warnings.append(
                "stopped after \(result.iterationCount) iterations before it converged (largest derivative "
                    + "\(result.largestDerivative), tol \(tolerance)): raise max_iter, or scale the features")
        }
        return FittedModel(
            graph: graph, kind: kind, task: .classification,
            details: [
                "coefficients": .numbers(functions.flatMap(\.coefficients)),
                "intercepts": .numbers(functions.map(\.intercept)),
                "iterations": .integer(Int64(result.iterationCount)), "converged": .bool(result.hasConverged),
            ], warnings: warnings,
            predictor: LogisticPredictor(functions: functions, present: present, count: names.count))
    }

    private static func graph(
        _ functions: [LinearFunction], means: [Double], present: [Int], names: ClassNames
    ) throws(EarlyModelError) -> Graph {
        var assembly = GraphAssembly(kind, columns: means.count)
        let rounded = functions.map { $0.rounded(means: means) }
        let (index, shares) = ("class_index", "class_shares")
        assembly.add(
            "LinearClassifier", [EarlyModelValue.features], as: "classifier", outputs: [index, shares],
            [
                "coefficients": .floats(rounded.flatMap(\.coefficients)),
                "intercepts": .floats(rounded.map(\.intercept)), "classlabels_ints": .ints(Array(present.indices)),
                // Of two classes there is one function, which the operator takes with both signs.
                "post_transform": .string(functions.count == 1 ? "LOGISTIC" : "SOFTMAX"),
            ])
        return try assembly.classifier(scores: shares, index: index, present: present, names: names)
    }
}

struct LogisticPredictor: RowPredictor {
    /// One, of the second class, when there are two classes.
    let functions: [LinearFunction]
    let present: [Int]
    let count: Int

    func predict(_ row: [Float]) -> RowPrediction {
        var scores = functions.map { $0(row) }
        if scores.count == 1 { scores = [0, scores[0]] }
        let shares = softmax(scores)
        return RowPrediction(
            classIndex: present[firstGreatest(scores)], values: spread(shares, present: present, count: count))
    }
}
