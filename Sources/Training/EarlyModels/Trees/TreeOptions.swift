import JSONDocuments

/// What a split is judged by.
public enum SplitCriterion: String, Sendable, Hashable, CaseIterable {
    /// For classes.
    case gini, entropy
    /// For numbers.
    case squaredError = "squared_error"

    var task: EarlyModelTask { self == .squaredError ? .regression : .classification }
}

/// How many features are candidates for a split.
public enum FeatureChoice: Sendable, Hashable {
    case all
    /// ⌊√columns⌋.
    case squareRoot
    /// ⌊log₂ columns⌋.
    case logarithm
    case count(Int)
    /// Of all columns, above 0, at most 1.
    case share(Double)

    init(reading cursor: JSONCursor) throws(JSONError) {
        switch cursor.value {
        case .string("all"): self = .all
        case .string("sqrt"): self = .squareRoot
        case .string("log2"): self = .logarithm
        case .integer: self = .count(try cursor.integer(in: 1...Int(Int32.max)))
        case .real: self = .share(try cursor.number(above: 0, through: 1))
        default:
            throw cursor.failure(
                "found \(cursor.value.text), expected \"sqrt\", \"log2\", \"all\", a number of features or a share of them"
            )
        }
    }

    var json: JSONValue {
        switch self {
        case .all: "all"
        case .squareRoot: "sqrt"
        case .logarithm: "log2"
        case .count(let count): .integer(Int64(count))
        case .share(let share): .real(share)
        }
    }

    /// - Throws: ``EarlyModelError`` when there are not as many columns as are asked for.
    func count(columns: Int) throws(EarlyModelError) -> Int {
        switch self {
        case .all: return columns
        case .squareRoot: return max(1, Int(Double(columns).squareRoot()))
        case .logarithm: return max(1, Int.bitWidth - 1 - columns.leadingZeroBitCount)
        case .count(let count):
            guard count <= columns else {
                throw EarlyModelError(
                    .invalidHyperparameter, "max_features", "found \(count), but there are \(columns) columns")
            }
            return count
        case .share(let share): return max(1, Int(share * Double(columns)))
        }
    }
}

extension JSONValue {
    /// For error messages.
    fileprivate var text: String { if case .string(let text) = self { "\"\(text.prefix(80))\"" } else { kind } }
}

/// The hyperparameters that trees and forests share; names, meanings and defaults are scikit-learn's.
public struct TreeOptions: Sendable, Hashable {
    /// nil is gini for classes and squared error for numbers.
    public var criterion: SplitCriterion?
    /// nil is no limit.
    public var maximumDepth: Int?
    /// Rows that a node has at least before it is split.
    public var minimumSplitRows = 2
    /// Rows that each side of a split has at least.
    public var minimumLeafRows = 1
    /// nil is all, of a forest of classifiers the square root.
    public var featureChoice: FeatureChoice?
    /// By how much a split lowers the impurity at least, weighted by the share of rows that reach it.
    public var minimumImpurityDecrease = 0.0
    public var classWeight = ClassWeight.equal

    /// Deeper ones are degenerate: they split off row by row.
    public static let maximumDepthLimit = 1 << 16

    static let names: Set<String> = [
        "criterion", "max_depth", "min_samples_split", "min_samples_leaf", "max_features", "min_impurity_decrease",
        "class_weight",
    ]

    public init() {}

    init(reading cursor: JSONCursor) throws(JSONError) {
        let rows = Int(Int32.max)
        criterion = try cursor.optionalMember("criterion")?.choice(of: SplitCriterion.self)
        maximumDepth = try cursor.optionalMember("max_depth")?.integer(in: 1...Self.maximumDepthLimit)
        minimumSplitRows = try cursor.integer("min_samples_split", default: 2, in: 2...rows)
        minimumLeafRows = try cursor.integer("min_samples_leaf", default: 1, in: 1...rows)
        if let choice = try cursor.optionalMember("max_features") { featureChoice = try FeatureChoice(reading: choice) }
        minimumImpurityDecrease = try cursor.number("min_impurity_decrease", default: 0, from: 0, through: 1e30)
        classWeight = try ClassWeight(reading: try cursor.optionalMember("class_weight"))
    }

    var json: [String: JSONValue] {
        [
            "criterion": criterion.map { .string($0.rawValue) } ?? .null,
            "max_depth": maximumDepth.map { .integer(Int64($0)) } ?? .null,
            "min_samples_split": .integer(Int64(minimumSplitRows)),
            "min_samples_leaf": .integer(Int64(minimumLeafRows)), "max_features": featureChoice?.json ?? .null,
            "min_impurity_decrease": .real(minimumImpurityDecrease), "class_weight": classWeight.json,
        ]
    }

    /// - Throws: ``EarlyModelError`` when the criterion is one of the other task.
    func criterion(for task: EarlyModelTask) throws(EarlyModelError) -> SplitCriterion {
        guard let criterion else { return task == .classification ? .gini : .squaredError }
        guard criterion.task == task else {
            throw EarlyModelError(
                .invalidHyperparameter, "criterion",
                "\"\(criterion.rawValue)\" is for \(criterion.task.rawValue), the targets are "
                    + (task == .classification ? "classes" : "numbers"))
        }
        return criterion
    }
}
