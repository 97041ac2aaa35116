public import JSONDocuments
public import TensorEngine

/// A model without layers, as its hyperparameters: it is fitted once to all rows and becomes a ``TensorEngine/Graph``.
///
///     let forest = try EarlyModelKind.randomForest.makeModel(request.member("hyperparameters"))
///     let fitted = try forest.fit(
///         features: rows, targets: .classes(labels, names: .strings(["cat", "dog"])), weights: nil, seed: 7)
///     let compiled = try CompiledGraph(fitted.graph)
public protocol EarlyModel: Sendable {
    static var kind: EarlyModelKind { get }

    /// - Parameter hyperparameters: an object; what it does not have takes its default.
    /// - Throws: ``JSONError`` with the path of a hyperparameter that is unknown or out of range.
    init(reading hyperparameters: JSONCursor) throws(JSONError)

    /// Every hyperparameter with its value, defaults included; `init(reading:)` takes it back.
    var hyperparameters: JSONValue { get }

    /// Fits the model. The same arguments give the same bits.
    /// - Parameters:
    ///   - features: finite numbers, one row an example.
    ///   - targets: one a row, which say what the task is.
    ///   - weights: one a row, none negative; a row of weight zero counts as absent. nil is one for all.
    ///   - seed: of what is drawn at random.
    ///   - shouldContinue: called now and then; what it throws ends the fit.
    /// - Throws: ``EarlyModelError``, or what `shouldContinue` throws.
    func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel
}

extension EarlyModel {
    public var kind: EarlyModelKind { Self.kind }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]? = nil, seed: UInt64 = 0
    ) throws -> FittedModel {
        try fit(features: features, targets: targets, weights: weights, seed: seed, shouldContinue: {})
    }
}

/// What fitting an ``EarlyModel`` gives.
public struct FittedModel: Sendable {
    /// One input, `features` float32 [batch, columns]. The outputs of a classifier are
    ///
    /// - `label` [batch]: int64 or string, the row's class by its ``ClassNames``;
    /// - `probabilities` float32 [batch, classes], classes in the order of their names; a class without examples has 0.
    ///   Support vector machines that were not asked for probabilities have `scores` in its place: the greater, the more
    ///   likely, comparable within a row.
    ///
    /// A regression has one output, `prediction` float32 [batch, 1].
    public let graph: Graph
    public let kind: EarlyModelKind
    public let task: EarlyModelTask
    /// What fitting found: iterations, coefficients, the number of nodes or of support vectors. Lists of more than 4,096
    /// numbers are null.
    public let details: JSONValue
    /// What whoever asked for the fit should know, as that it stopped before it converged.
    public let warnings: [String]
    /// The same function in plain Swift, that the graph is tested against.
    package let predictor: any RowPredictor
}

/// The names of a fitted model's input and outputs.
public enum EarlyModelValue {
    public static let features = "features"
    public static let label = "label"
    public static let probabilities = "probabilities"
    public static let scores = "scores"
    public static let prediction = "prediction"
}

/// A fitted model as a function of one row.
package protocol RowPredictor: Sendable {
    func predict(_ row: [Float]) -> RowPrediction
}

package struct RowPrediction: Sendable, Hashable {
    /// The place of the class among its names; nil of a regression.
    package var classIndex: Int?
    /// Probabilities or scores of all classes, or the one predicted number.
    package var values: [Double]
}
