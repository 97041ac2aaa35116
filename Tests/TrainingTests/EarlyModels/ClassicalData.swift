import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing
import Training

/// scikit-learn's data sets and answers, from `Tests/Training/make_classical_fixtures.py`.
struct ClassicalData {
    let name: String
    let features: FeatureMatrix
    /// Empty of a regression.
    let labels: [Int]
    /// Empty of a classification.
    let values: [Double]
    /// The fold in which a row is held out.
    let folds: [Int]

    static let arrays: [String: Tensor] = {
        let path = Fixtures.root + "/Tests/Fixtures/training/classical.npz"
        let arrays = (try? NumPyArchive.read(path)) ?? []
        return Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.tensor) })
    }()

    init(_ name: String) throws {
        self.name = name
        features = try FeatureMatrix(try #require(Self.arrays["\(name).features"]))
        labels = try Self.arrays["\(name).labels"]?.elements(as: Int64.self).map { Int($0) } ?? []
        values = try Self.arrays["\(name).targets"]?.elements(as: Double.self) ?? []
        folds = try #require(Self.arrays["\(name).folds"]).elements(as: Int64.self).map { Int($0) }
    }

    /// Numbers that scikit-learn found.
    func reference(_ what: String) throws -> [Double] {
        let tensor = try #require(Self.arrays["\(name).\(what)"], "no array \(name).\(what)")
        if tensor.elementType == .int64 { return try tensor.elements(as: Int64.self).map { Double($0) } }
        return try tensor.elements(as: Double.self)
    }

    var classCount: Int { (labels.max() ?? 0) + 1 }
    var isClassification: Bool { !labels.isEmpty }
    var rows: [Int] { Array(0..<features.rows) }

    func targets(_ rows: [Int]) -> EarlyModelTargets {
        isClassification
            ? .classes(rows.map { labels[$0] }, names: .indices(count: classCount)) : .values(rows.map { values[$0] })
    }

    /// Weights 1, 2, 3, 1, … as the script has them.
    func cyclicWeights(_ period: Int) -> [Double] { rows.map { Double(1 + $0 % period) } }

    func fit(
        _ model: any EarlyModel, rows: [Int]? = nil, weights: [Double]? = nil, seed: UInt64 = 1
    ) throws -> FittedModel {
        let rows = rows ?? self.rows
        return try model.fit(
            features: try features.selecting(rows: rows), targets: targets(rows), weights: weights, seed: seed)
    }

    /// For each row what the graph says of it that was fitted without its fold.
    func heldOut(_ model: any EarlyModel, seed: UInt64 = 1) throws -> [Double] {
        var result = [Double](repeating: 0, count: features.rows)
        for fold in 0..<5 {
            let held = rows.filter { folds[$0] == fold }
            let fitted = try fit(model, rows: rows.filter { folds[$0] != fold }, seed: seed)
            let answers = try fitted.answers(features.selecting(rows: held))
            for (row, answer) in zip(held, isClassification ? answers.labels.map(Double.init) : answers.values) {
                result[row] = answer
            }
        }
        return result
    }

    /// Accuracy or R² in each fold.
    func scores(_ heldOut: [Double]) -> [Double] {
        (0..<5).map { fold in
            let held = rows.filter { folds[$0] == fold }
            if isClassification {
                return Double(held.count { Int(heldOut[$0]) == labels[$0] }) / Double(held.count)
            }
            let mean = held.reduce(0) { $0 + values[$1] } / Double(held.count)
            let total = held.reduce(0) { $0 + (values[$1] - mean) * (values[$1] - mean) }
            return 1 - held.reduce(0) { $0 + (values[$1] - heldOut[$1]) * (values[$1] - heldOut[$1]) } / total
        }
    }
}

/// A mean of folds and its standard error.
struct FoldMean: CustomStringConvertible {
    let mean: Double
    let error: Double

    init(_ scores: [Double]) {
        let count = Double(scores.count)
        let mean = scores.reduce(0, +) / count
        self.mean = mean
        error = (scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1) / count).squareRoot()
    }

    var description: String { "\(mean) ± \(error)" }
}

extension FittedModel {
    /// The outputs of the graph by name.
    func run(_ features: FeatureMatrix) throws -> [String: Tensor] {
        let input = try Tensor(shape: Shape([features.rows, features.columns]), elements: features.values)
        let outputs = try CompiledGraph(graph).run([input], on: ExecutionContext())
        return Dictionary(uniqueKeysWithValues: zip(graph.outputs.map(\.name), outputs))
    }

    /// Labels, which have to be integers, and the other output's numbers.
    func answers(_ features: FeatureMatrix) throws -> (labels: [Int], values: [Double]) {
        let outputs = try run(features)
        let labels = try outputs["label"]?.elements(as: Int64.self).map { Int($0) } ?? []
        let values = try #require(outputs["probabilities"] ?? outputs["scores"] ?? outputs["prediction"])
        return (labels, try values.elements(as: Float.self).map(Double.init))
    }

    /// What the plain function says of every row.
    func predictions(_ features: FeatureMatrix) -> [RowPrediction] {
        (0..<features.rows).map { row in
            predictor.predict(Array(features.values[row * features.columns..<(row + 1) * features.columns]))
        }
    }

    /// A number list among the details.
    func numbers(_ key: String) throws -> [Double] {
        try JSONCursor(details).member(key).elements().flatMap { element in
            if case .array = element.value { return try element.elements().map { try $0.number() } }
            return [try element.number()]
        }
    }

    func number(_ key: String) throws -> Double { try JSONCursor(details).member(key).number() }
}

/// A model from the JSON of its hyperparameters.
func model(_ kind: EarlyModelKind, _ hyperparameters: JSONValue = [:]) throws -> any EarlyModel {
    try kind.makeModel(JSONCursor(hyperparameters, path: "hyperparameters"))
}

/// The largest |a − b| / max(|b|, floor).
func largestDifference(_ found: [Double], _ expected: [Double], floor: Double = 1e-9) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1) / max(abs(pair.1), floor)
        return difference <= worst ? worst : difference.isNaN ? .infinity : difference
    }
}
