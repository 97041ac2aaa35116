public import JSONDocuments
public import TensorEngine

/// What happened in one epoch.
public struct EpochRecord: Sendable, Hashable {
    /// From 0.
    public let epoch: Int
    /// The mean over the epoch's rows, penalties included, while the parameters changed.
    public let loss: Double
    /// Of its last step.
    public let learningRate: Double
    /// On the rows held out, after the epoch; empty without such rows.
    public let validation: [Metric: Double]

    public init(epoch: Int, loss: Double, learningRate: Double, validation: [Metric: Double] = [:]) {
        (self.epoch, self.loss, self.learningRate, self.validation) = (epoch, loss, learningRate, validation)
    }

    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "epoch": .integer(Int64(epoch)), "loss": .real(loss), "learning_rate": .real(learningRate),
        ]
        if !validation.isEmpty {
            members["validation"] = .object(
                Dictionary(uniqueKeysWithValues: validation.map { ($0.key.rawValue, .real($0.value)) }))
        }
        return .object(members)
    }

    /// - Parameter passesUnknown: whether members and metrics that a later program adds are passed by.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor, passesUnknown: Bool = false) throws(JSONError) {
        if !passesUnknown {
            try json.rejectUnknownMembers(allowed: ["epoch", "loss", "learning_rate", "validation"])
        }
        var validation: [Metric: Double] = [:]
        for (name, value) in try json.optionalMember("validation")?.members() ?? [] {
            guard let metric = Metric(rawValue: name) else {
                if passesUnknown { continue }
                throw value.unknownName(name, among: Metric.allCases.map(\.rawValue))
            }
            validation[metric] = try value.metricValue()
        }
        self.init(
            epoch: try json.member("epoch").boundedInteger(0...Int.max), loss: try json.member("loss").metricValue(),
            learningRate: try json.member("learning_rate").metricValue(), validation: validation)
    }
}

/// How far a fit is.
public struct FitProgress: Sendable, Hashable {
    /// Steps made, and planned at most; 0 and 0 of an early model.
    public var step: Int
    public var plannedSteps: Int
    public var epoch: Int
    /// Of the last step.
    public var loss: Double
    /// Of the last step.
    public var rowCount: Int
    /// Set when an epoch has just ended.
    public var finishedEpoch: EpochRecord?
}

/// What a fit made.
public struct FitOutcome: Sendable {
    /// The model that serves: preprocessing, layers, weights.
    public let graph: Graph
    /// On the rows held out; nil without such rows.
    public let report: EvaluationReport?
    public let history: [EpochRecord]
    /// The classes in the order of the model's outputs; nil of a regression.
    public let classNames: [String]?
    public let warnings: [String]
    /// What an early model's fit found.
    public let details: JSONValue?
}

/// Why a fit ended without a model. Others throw their own errors: ``DataError``, ``EarlyModelError``, JSON errors.
public enum FitError: Error, Sendable, CustomStringConvertible {
    /// The loss is NaN or infinite. The last checkpoint before it is kept.
    case diverged(epoch: Int, step: Int, loss: Double)
    /// The graph cannot be differentiated, compiled or run.
    case graph(GraphError)
    /// The rows, the preprocessing, the model and the loss do not fit together.
    case mismatch(String)
    /// A checkpoint cannot be written.
    case checkpoint(String)

    public var description: String {
        switch self {
        case .diverged(let epoch, let step, let loss):
            "the loss is \(loss) at step \(step), in epoch \(epoch): expected a finite number; a smaller learning rate, clipping or scaled features may help"
        case .graph(let error): error.description
        case .mismatch(let message): message
        case .checkpoint(let message): "checkpoint: \(message)"
        }
    }
}
