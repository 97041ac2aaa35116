public import JSONDocuments
import TensorEngine

/// How far apart two rows are.
public enum NeighborMetric: String, Sendable, Hashable, CaseIterable {
    case euclidean, manhattan
}

/// How much each neighbour counts.
public enum NeighborWeighting: String, Sendable, Hashable, CaseIterable {
    case uniform
    /// By the inverse of its distance; neighbours at distance zero count alone.
    case distance
}

/// k nearest neighbours: the graph holds all rows and searches them by brute force, in binary64. Of rows that are equally
/// far the first ones are neighbours, and of classes that are equally frequent the first is the answer.
public struct NearestNeighbors: EarlyModel {
    public static let kind = EarlyModelKind.nearestNeighbors
    /// Every prediction computes the distance to every row.
    public static let maximumRowCount = 1 << 16
    public static let maximumElementCount = 1 << 25

    public var neighborCount = 5
    public var weighting = NeighborWeighting.uniform
    public var metric = NeighborMetric.euclidean

    public init() {}

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: ["n_neighbors", "weights", "metric"])
        neighborCount = try hyperparameters.integer("n_neighbors", default: 5, in: 1...Self.maximumRowCount)
        weighting = try hyperparameters.choice("weights", default: .uniform)
        metric = try hyperparameters.choice("metric", default: .euclidean)
    }

    public var hyperparameters: JSONValue {
        [
            "n_neighbors": .integer(Int64(neighborCount)), "weights": .string(weighting.rawValue),
            "metric": .string(metric.rawValue),
        ]
    }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        try rows.requireEqualWeights(kind)
        try rows.requireAtMost(Self.maximumRowCount, elements: Self.maximumElementCount)
        guard neighborCount <= rows.count else {
            throw EarlyModelError(
                .invalidHyperparameter, "n_neighbors",
                "found \(neighborCount), but there are \(rows.count) rows")
        }
        try shouldContinue()
        let graph = try NeighborGraph(model: self, rows: rows).graph()
        return FittedModel(
            graph: graph, kind: kind, task: targets.task, details: ["rows": .integer(Int64(rows.count))],
            warnings: [], predictor: NeighborPredictor(model: self, rows: rows))
    }
}

/// The definition: all distances, sorted.
struct NeighborPredictor: RowPredictor {
    let model: NearestNeighbors
    let rows: FitRows

    func predict(_ row: [Float]) -> RowPrediction {
        let (values, columns) = (rows.features.values, rows.features.columns)
        let distances = (0..<rows.count).map { index -> Double in
            var sum = 0.0
            for column in 0..<columns {
                let difference = Double(row[column]) - Double(values[index * columns + column])
                sum += model.metric == .euclidean ? difference * difference : abs(difference)
            }
            return model.metric == .euclidean ? sum.squareRoot() : sum
        }
        let order = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
        let nearest = order.prefix(model.neighborCount)
        let isNear = nearest.contains { distances[$0] == 0 }
        let weights = nearest.map { index -> Double in
            if model.weighting == .uniform { return 1 }
            return isNear ? (distances[index] == 0 ? 1 : 0) : 1 / distances[index]
        }
        let total = weights.reduce(0, +)
        switch rows.targets {
        case .values(let targets):
            return RowPrediction(values: [zip(nearest, weights).reduce(0) { $0 + targets[$1.0] * $1.1 } / total])
        case .classes(let classes, let present, let names):
            var votes = [Double](repeating: 0, count: present.count)
            for (index, weight) in zip(nearest, weights) { votes[classes[index]] += weight }
            return RowPrediction(
                classIndex: present[firstGreatest(votes)],
                values: spread(votes.map { $0 / total }, present: present, count: names.count))
        }
    }
}
