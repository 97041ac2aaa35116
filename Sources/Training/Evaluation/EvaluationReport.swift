public import JSONDocuments

/// What an evaluation found: metrics, and for classes the scores of each and the confusion matrix.
public struct EvaluationReport: Sendable, Hashable {
    public struct ClassScores: Sendable, Hashable {
        public var name: String
        public var precision: Double
        public var recall: Double
        public var f1: Double
        /// The weight of the class's rows.
        public var support: Double
    }

    public var rowCount: Int
    /// What is not defined for these rows (the area under the ROC curve of one class alone) is not there.
    public var values: [Metric: Double]
    public var classes: [ClassScores]
    public var confusion: ConfusionMatrix?
    /// Passes over the training rows after which the parameters that were judged were as they are; nil of what is not fitted
    /// by gradients.
    public var epochs: Int?

    public init(
        rowCount: Int, values: [Metric: Double], classes: [ClassScores] = [], confusion: ConfusionMatrix? = nil
    ) {
        self.rowCount = rowCount
        self.values = values
        self.classes = classes
        self.confusion = confusion
    }

    public var json: JSONValue {
        var metrics: [String: JSONValue] = [:]
        for (metric, value) in values { metrics[metric.rawValue] = .real(value) }
        var members: [String: JSONValue] = ["rows": .integer(Int64(rowCount)), "metrics": .object(metrics)]
        if !classes.isEmpty {
            members["classes"] = .array(
                classes.map { scores in
                    [
                        "name": .string(scores.name), "precision": .real(scores.precision),
                        "recall": .real(scores.recall), "f1": .real(scores.f1), "support": .rounded(scores.support),
                    ]
                })
        }
        if let confusion { members["confusion"] = confusion.json }
        if let epochs { members["epochs"] = .integer(Int64(epochs)) }
        return .object(members)
    }

    /// - Parameter passesUnknown: whether members and metrics that a later program adds are passed by.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor, passesUnknown: Bool = false) throws(JSONError) {
        if !passesUnknown {
            try json.rejectUnknownMembers(allowed: ["rows", "metrics", "classes", "confusion", "epochs"])
        }
        rowCount = try json.member("rows").boundedInteger(0...Int.max)
        values = [:]
        for (name, value) in try json.member("metrics").members() {
            guard let metric = Metric(rawValue: name) else {
                if passesUnknown { continue }
                throw value.unknownName(name, among: Metric.allCases.map(\.rawValue))
            }
            values[metric] = try value.metricValue()
        }
        classes = []
        for scores in try json.optionalMember("classes")?.elements() ?? [] {
            classes.append(
                ClassScores(
                    name: try scores.member("name").string(), precision: try scores.member("precision").metricValue(),
                    recall: try scores.member("recall").metricValue(), f1: try scores.member("f1").metricValue(),
                    support: try scores.member("support").metricValue()))
        }
        confusion = nil
        if let matrix = try json.optionalMember("confusion") { confusion = try ConfusionMatrix(matrix) }
        epochs = try json.optionalMember("epochs")?.boundedInteger(0...Int.max)
    }
}

extension JSONCursor {
    /// A number, or the strings that stand for what JSON has no numbers for.
    func metricValue() throws(JSONError) -> Double {
        switch value {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        default: return try number()
        }
    }
}
