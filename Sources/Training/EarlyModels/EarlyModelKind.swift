public import JSONDocuments

/// What a model answers: one of several classes, or a number.
public enum EarlyModelTask: String, Sendable, Hashable, CaseIterable {
    case classification, regression
}

/// The families of models without layers, by the names that training requests use.
public enum EarlyModelKind: String, Sendable, Hashable, CaseIterable {
    case decisionTree = "decision_tree"
    case randomForest = "random_forest"
    case nearestNeighbors = "k_nearest_neighbors"
    case supportVectorMachine = "support_vector_machine"
    case linearRegression = "linear_regression"
    case ridge
    case logisticRegression = "logistic_regression"

    /// The family that a string names.
    /// - Throws: ``JSONError`` that names the nearest family.
    public init(reading cursor: JSONCursor) throws(JSONError) {
        self = try cursor.choice(of: EarlyModelKind.self)
    }

    /// What the family can be fitted to.
    public var tasks: Set<EarlyModelTask> {
        switch self {
        case .decisionTree, .randomForest, .nearestNeighbors, .supportVectorMachine: [.classification, .regression]
        case .linearRegression, .ridge: [.regression]
        case .logisticRegression: [.classification]
        }
    }

    /// A model of this family, not fitted yet.
    /// - Parameter hyperparameters: an object; what it does not have takes its default, nil is all defaults.
    /// - Throws: ``JSONError`` with the path of a hyperparameter that is unknown or out of range.
    public func makeModel(_ hyperparameters: JSONCursor?) throws(JSONError) -> any EarlyModel {
        let cursor = hyperparameters ?? JSONCursor(.object([:]), path: rawValue)
        switch self {
        case .decisionTree: return try DecisionTree(reading: cursor)
        case .randomForest: return try RandomForest(reading: cursor)
        case .nearestNeighbors: return try NearestNeighbors(reading: cursor)
        case .supportVectorMachine: return try SupportVectorMachine(reading: cursor)
        case .linearRegression: return try LinearRegression(reading: cursor)
        case .ridge: return try RidgeRegression(reading: cursor)
        case .logisticRegression: return try LogisticRegression(reading: cursor)
        }
    }
}
