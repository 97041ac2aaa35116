public import JSONDocuments

/// What training makes small: a function of the model's predictions and the labels, averaged over the rows.
///
///     "mean_squared_error"
///     {"type": "huber", "delta": 0.5}
///     {"type": "softmax_cross_entropy", "class_weights": [1, 4.5], "label_smoothing": 0.1}
public struct LossConfiguration: Sendable, Hashable {
    public enum Function: Sendable, Hashable {
        /// Of scores or of a final Softmax's shares, over the last axis.
        case softmaxCrossEntropy
        /// Of logits or of a final Sigmoid's probabilities; labels from 0 to 1.
        case binaryCrossEntropy
        case meanSquaredError
        case meanAbsoluteError
        /// Huber 1964: half the square up to `delta`, `delta · (|e| - delta / 2)` beyond.
        case huber(delta: Double)
        /// `max(0, 1 - y p)` with y = 1 for labels above 0 and -1 for others.
        case hinge
        case squaredHinge
    }

    /// What the labels of ``Function/softmaxCrossEntropy`` are.
    public enum Labels: String, Sendable, Hashable {
        /// The number of the class, int64, without the last axis of the predictions.
        case classes
        /// A share for each class, float32, of the predictions' shape.
        case oneHot = "one_hot"
    }

    public var function: Function
    public var labels: Labels
    /// The weight of each class (of 0 and 1 for ``Function/binaryCrossEntropy``); nil for 1.
    public var classWeights: [Double]?
    /// The class weights are those with which all classes of the training rows weigh alike; a fit fills them in.
    public var balancesClasses = false
    /// The share of the label that is spread over all classes (Szegedy et al. 2016).
    public var labelSmoothing: Double

    public init(
        _ function: Function, labels: Labels = .classes, classWeights: [Double]? = nil, labelSmoothing: Double = 0
    ) {
        self.function = function
        self.labels = labels
        self.classWeights = classWeights
        self.labelSmoothing = labelSmoothing
    }

    /// The most classes that may have weights.
    private static let maximumClassCount = 1 << 20

    /// The names, with those that Keras has for the same.
    private static let functions: [String: (Function, Labels)] = [
        "softmax_cross_entropy": (.softmaxCrossEntropy, .classes),
        "sparse_categorical_crossentropy": (.softmaxCrossEntropy, .classes),
        "categorical_crossentropy": (.softmaxCrossEntropy, .oneHot),
        "binary_cross_entropy": (.binaryCrossEntropy, .classes),
        "binary_crossentropy": (.binaryCrossEntropy, .classes),
        "mean_squared_error": (.meanSquaredError, .classes), "mse": (.meanSquaredError, .classes),
        "mean_absolute_error": (.meanAbsoluteError, .classes), "mae": (.meanAbsoluteError, .classes),
        "huber": (.huber(delta: 1), .classes),
        "hinge": (.hinge, .classes), "squared_hinge": (.squaredHinge, .classes),
    ]

    /// Reads a loss: its name, or an object of its `type` and its settings.
    /// - Throws: ``JSONError`` with the path, what was found and what was expected.
    public init(_ cursor: JSONCursor) throws(JSONError) {
        var name = cursor
        var settings: JSONCursor?
        if case .object = cursor.value {
            name = try cursor.member("type")
            settings = cursor
        }
        let names = Self.functions.keys.sorted()
        let type = try Setting.choice(name, of: names, what: "a loss,")
        guard var (function, labels) = Self.functions[type] else { throw name.failure("unknown loss") }
        var allowed: Set = ["type"]
        switch function {
        case .softmaxCrossEntropy: allowed.formUnion(["labels", "class_weights", "label_smoothing"])
        case .binaryCrossEntropy: allowed.formUnion(["class_weights", "label_smoothing"])
        case .huber: allowed.insert("delta")
        default: break
        }
        var classWeights: [Double]?
        var balancesClasses = false
        var smoothing = 0.0
        if let settings {
            try settings.rejectUnknownMembers(allowed: allowed)
            if let cursor = try settings.optionalMember("labels") {
                let name = try Setting.choice(cursor, of: ["classes", "one_hot"])
                labels = Labels(rawValue: name) ?? labels
            }
            if let cursor = try settings.optionalMember("delta") {
                function = .huber(delta: try Setting.number(cursor, in: .positive))
            }
            if let cursor = try settings.optionalMember("label_smoothing") {
                smoothing = try Setting.number(cursor, in: .share)
            }
            if let cursor = try settings.optionalMember("class_weights") {
                balancesClasses = cursor.value == "balanced"
                if !balancesClasses {
                    let isBinary = function == .binaryCrossEntropy
                    classWeights = try Self.weights(cursor, expected: isBinary ? 2...2 : 2...Self.maximumClassCount)
                }
            }
        }
        self.init(function, labels: labels, classWeights: classWeights, labelSmoothing: smoothing)
        self.balancesClasses = balancesClasses
    }

    private static func weights(_ cursor: JSONCursor, expected: ClosedRange<Int>) throws(JSONError) -> [Double] {
        guard case .array(let elements) = cursor.value, expected.contains(elements.count) else {
            let count = expected.count == 1 ? "\(expected.lowerBound)" : "\(expected.lowerBound) or more"
            throw Setting.mismatch(cursor, "\"balanced\" or a list of \(count) weights, one for each class")
        }
        let weights = try cursor.elements().map { (element) throws(JSONError) in
            try Setting.number(element, in: .notNegative)
        }
        guard weights.contains(where: { $0 > 0 }) else {
            throw cursor.failure("found weights of 0 only, expected at least one above 0")
        }
        return weights
    }

    /// The configuration as it is read.
    public var json: JSONValue {
        var members: [String: JSONValue] = [:]
        switch function {
        case .softmaxCrossEntropy:
            members["type"] = "softmax_cross_entropy"
            if labels == .oneHot { members["labels"] = .string(labels.rawValue) }
        case .binaryCrossEntropy: members["type"] = "binary_cross_entropy"
        case .meanSquaredError: members["type"] = "mean_squared_error"
        case .meanAbsoluteError: members["type"] = "mean_absolute_error"
        case .huber(let delta): members = ["type": "huber", "delta": .real(delta)]
        case .hinge: members["type"] = "hinge"
        case .squaredHinge: members["type"] = "squared_hinge"
        }
        if balancesClasses {
            members["class_weights"] = "balanced"
        } else if let classWeights {
            members["class_weights"] = .array(classWeights.map { .real($0) })
        }
        if labelSmoothing > 0 { members["label_smoothing"] = .real(labelSmoothing) }
        return .object(members)
    }
}
