public import JSONDocuments

/// What a training job is to do: which model, from which data, how, and how it is judged.
///
///     {"model": "digits",
///      "architecture": {"input": {"shape": [8, 8, 1]}, "layers": [{"type": "flatten"}, {"type": "dense", "units": 10,
///                       "activation": "softmax"}]},
///      "dataset": {"topic": "digits.train", "schema": {"features": {"shape": [64]},
///                  "label": {"kind": "class", "count": 10}}},
///      "optimizer": {"type": "adam"}, "epochs": 20, "batch_size": 64, "seed": 7,
///      "evaluation": {"method": "hold_out", "fraction": 0.2}, "promotion": {"alias": "champion"}}
public struct TrainingRequest: Sendable, Hashable {
    /// The name of the model that gets a new version.
    public let model: String
    public let subject: TrainingSubject
    public let dataset: DatasetSpec
    public let preprocessing: Pipeline
    public let augmentation: Augmentation?
    /// nil of an early model.
    public let fitting: GradientFitting?
    public let seed: UInt64
    public let evaluation: SplitSpec
    public let search: SearchSpec?
    public let promotion: PromotionRule?
    /// Seconds from its acceptance after which the job fails; nil for no limit but the service's own.
    public let deadlineSeconds: Double?
    /// The request as it was read.
    public let json: JSONValue

    static let members: Set<String> = [
        "model", "architecture", "early_model", "base", "dataset", "preprocessing", "augmentation", "loss", "optimizer",
        "epochs", "batch_size", "shuffle", "early_stopping", "checkpoint_steps", "seed", "evaluation", "search",
        "promotion",
        "deadline_seconds",
    ]

    /// What an early model does not have.
    private static let gradientMembers = [
        "augmentation", "loss", "optimizer", "epochs", "batch_size", "shuffle", "early_stopping", "checkpoint_steps",
    ]

    /// - Throws: ``JSONError`` with the path of what is wrong, what was found and what was expected.
    public init(_ json: JSONCursor, limits: TrainingLimits = .default) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: Self.members)
        model = try Setting.name(try json.member("model"))
        subject = try TrainingSubject(json)
        dataset = try DatasetSpec(try json.member("dataset"), limits: limits.data)
        preprocessing =
            try json.optionalMember("preprocessing").map { (cursor) throws(JSONError) in try Pipeline(cursor) }
            ?? Pipeline()
        augmentation = try json.optionalMember("augmentation").map { (cursor) throws(JSONError) in
            try Augmentation(cursor)
        }
        seed =
            try json.optionalMember("seed").map { (cursor) throws(JSONError) in
                UInt64(try Setting.wholeNumber(cursor, in: 0...Int.max))
            } ?? 0
        evaluation =
            try json.optionalMember("evaluation").map { (cursor) throws(JSONError) in try SplitSpec(cursor) }
            ?? SplitSpec(.holdOut(fraction: 0.2))
        guard dataset.schema.label != nil else {
            throw try json.member("dataset").failure("the schema has no label, expected what is to be learnt")
        }
        let isClassification = dataset.schema.isClassification
        search = try json.optionalMember("search").map { (cursor) throws(JSONError) in
            try SearchSpec(cursor, isClassification: isClassification)
        }
        promotion = try json.optionalMember("promotion").map { (cursor) throws(JSONError) in
            try PromotionRule(cursor, isClassification: isClassification)
        }
        deadlineSeconds = try json.optionalMember("deadline_seconds").map { (cursor) throws(JSONError) in
            try Setting.number(cursor, in: .positive)
        }
        if case .earlyModel = subject {
            for name in Self.gradientMembers {
                if let member = try json.optionalMember(name) {
                    throw member.failure("an early model is fitted to all rows at once: expected no \"\(name)\"")
                }
            }
            fitting = nil
        } else {
            fitting = try GradientFitting(
                json, hasValidation: evaluation.method != .none, isClassification: isClassification, limits: limits)
        }
        self.json = json.value
        try checkJudging(json)
    }

    public init(_ value: JSONValue, limits: TrainingLimits = .default) throws(JSONError) {
        try self.init(JSONCursor(value), limits: limits)
    }

    /// How the model is to be judged must measure what the search and promotion compare.
    private func checkJudging(_ json: JSONCursor) throws(JSONError) {
        if evaluation.method == .none {
            if promotion?.condition != nil {
                throw try json.member("promotion").failure(
                    "compares a metric, but \"evaluation\" is \"none\": expected rows that are held out")
            }
            if search != nil {
                throw try json.member("search").failure(
                    "compares trials, but \"evaluation\" is \"none\": expected rows that are held out")
            }
        }
        guard case .earlyModel(.supportVectorMachine, let hyperparameters) = subject,
            try JSONCursor(hyperparameters).optionalMember("probability")?.value != true,
            search?.parameters.keys.contains(where: { $0.description == Self.probabilityPath }) != true
        else { return }
        let expected = "found \"log_loss\", which takes probabilities: expected \(Self.probabilityPath) to be true"
        if search?.metric == .logLoss {
            throw try json.member("search").member("metric").failure(expected)
        }
        if promotion?.condition?.metric == .logLoss {
            throw try json.member("promotion").member("if").member("metric").failure(expected)
        }
    }

    private static let probabilityPath = "early_model.hyperparameters.probability"
}

/// How parameters are fitted by their gradients.
public struct GradientFitting: Sendable, Hashable {
    public let loss: LossConfiguration
    public let optimizer: OptimizerConfiguration
    /// Passes over the training rows, at most.
    public let epochs: Int
    public let batchSize: Int
    public let shuffles: Bool
    public let earlyStopping: EarlyStopping?
    /// Epochs after which training stops, whatever is measured; schedules go by ``epochs`` all the same.
    public let stopAfter: Int?
    /// Steps between checkpoints; one is also made at the end of every epoch.
    public let checkpointSteps: Int

    init(
        _ json: JSONCursor, hasValidation: Bool, isClassification: Bool, limits: TrainingLimits
    ) throws(JSONError) {
        loss = try LossConfiguration(try json.member("loss"))
        optimizer = try OptimizerConfiguration(
            try json.optionalMember("optimizer") ?? JSONCursor(["type": "adam"], path: "optimizer"))
        epochs = try json.optionalMember("epochs").wholeNumber(in: 1...limits.maximumEpochs) ?? 10
        batchSize = try json.optionalMember("batch_size").wholeNumber(in: 1...limits.maximumBatchSize) ?? 32
        shuffles =
            try json.optionalMember("shuffle").map { (cursor) throws(JSONError) in try Setting.bool(cursor) } ?? true
        checkpointSteps = try json.optionalMember("checkpoint_steps").wholeNumber(in: 1...1_000_000_000) ?? 1_000
        var monitors: [String: EarlyStopping.Mode] = ["loss": .minimum]
        if hasValidation {
            monitors["validation_loss"] = .minimum
            for metric in Metric.reported(isClassification: isClassification) {
                monitors["validation_\(metric.rawValue)"] = metric.direction == .minimize ? .minimum : .maximum
            }
        }
        let known = monitors
        let stopping = try json.optionalMember("early_stopping")
        if let stopping, let after = try stopping.optionalMember("after") {
            try stopping.rejectUnknownMembers(allowed: ["after"])
            stopAfter = try Setting.wholeNumber(after, in: 1...limits.maximumEpochs)
            earlyStopping = nil
        } else {
            stopAfter = nil
            earlyStopping = try stopping.map { (cursor) throws(JSONError) in
                try EarlyStopping(cursor, monitors: known)
            }
        }
    }
}

extension JSONCursor? {
    fileprivate func wholeNumber(in range: ClosedRange<Int>) throws(JSONError) -> Int? {
        guard let self else { return nil }
        return try Setting.wholeNumber(self, in: range)
    }
}
