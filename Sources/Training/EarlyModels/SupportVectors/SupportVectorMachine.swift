public import JSONDocuments
import TensorEngine

/// The kernel of a support vector machine.
public enum SupportKernel: String, Sendable, Hashable, CaseIterable {
    case linear
    case polynomial = "poly"
    case radial = "rbf"
    case sigmoid
}

/// How far the influence of a row reaches: the kernel's γ.
public enum KernelWidth: Sendable, Hashable {
    /// 1 / (columns · variance of all features).
    case scale
    /// 1 / columns.
    case auto
    case value(Double)

    init(reading cursor: JSONCursor?) throws(JSONError) {
        guard let cursor else {
            self = .scale
            return
        }
        switch cursor.value {
        case .string("scale"): self = .scale
        case .string("auto"): self = .auto
        case .string(let text):
            throw cursor.failure("found \"\(text.prefix(80))\", expected \"scale\", \"auto\" or a number")
        default: self = .value(try cursor.number(above: 0, through: 1e12))
        }
    }

    var json: JSONValue {
        switch self {
        case .scale: "scale"
        case .auto: "auto"
        case .value(let value): .real(value)
        }
    }

    /// A float32, as the graph has it.
    func gamma(_ features: FeatureMatrix) -> Double {
        let columns = Double(features.columns)
        switch self {
        case .value(let value): return Double(Float(value))
        case .auto: return Double(Float(1 / columns))
        case .scale:
            let count = Double(features.values.count)
            let mean = features.values.reduce(0) { $0 + Double($1) } / count
            let variance = features.values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
            return variance > 0 ? Double(Float(1 / (columns * variance))) : 1
        }
    }
}

/// A support vector machine: C-SVC, one class against one, for classes, ε-SVR for numbers, by libsvm. Names, meanings and
/// defaults of the hyperparameters are scikit-learn's. Features should be standardised: unscaled ones take the solver long.
///
/// Probabilities, when asked for, are Platt's sigmoids fitted by cross-validation; a row's label is the class with most
/// votes, which is not always the most probable one.
public struct SupportVectorMachine: EarlyModel {
    public static let kind = EarlyModelKind.supportVectorMachine
    public static let maximumRowCount = 100_000
    /// libsvm takes 16 bytes for each number that is not zero.
    public static let maximumElementCount = 1 << 25

    public var penalty = 1.0
    public var kernel = SupportKernel.radial
    public var width = KernelWidth.scale
    public var degree = 3
    public var coefficient = 0.0
    /// Of numbers: errors below it do not count.
    public var epsilon = 0.1
    public var tolerance = 1e-3
    public var shrinks = true
    public var givesProbabilities = false
    public var classWeight = ClassWeight.equal
    public var cacheMegabytes = 200

    public init() {}

    public init(reading hyperparameters: JSONCursor) throws(JSONError) {
        try hyperparameters.rejectUnknownMembers(allowed: [
            "C", "kernel", "gamma", "degree", "coef0", "epsilon", "tol", "shrinking", "probability", "class_weight",
            "cache_size",
        ])
        penalty = try hyperparameters.number("C", default: 1, above: 0, through: 1e12)
        kernel = try hyperparameters.choice("kernel", default: .radial)
        width = try KernelWidth(reading: try hyperparameters.optionalMember("gamma"))
        degree = try hyperparameters.integer("degree", default: 3, in: 1...16)
        coefficient = try hyperparameters.number("coef0", default: 0, from: -1e6, through: 1e6)
        epsilon = try hyperparameters.number("epsilon", default: 0.1, from: 0, through: 1e12)
        tolerance = try hyperparameters.number("tol", default: 1e-3, above: 0, through: 1)
        shrinks = try hyperparameters.bool("shrinking", default: true)
        givesProbabilities = try hyperparameters.bool("probability", default: false)
        classWeight = try ClassWeight(reading: try hyperparameters.optionalMember("class_weight"))
        cacheMegabytes = try hyperparameters.integer("cache_size", default: 200, in: 1...4096)
    }

    public var hyperparameters: JSONValue {
        [
            "C": .real(penalty), "kernel": .string(kernel.rawValue), "gamma": width.json,
            "degree": .integer(Int64(degree)), "coef0": .real(coefficient), "epsilon": .real(epsilon),
            "tol": .real(tolerance), "shrinking": .bool(shrinks), "probability": .bool(givesProbabilities),
            "class_weight": classWeight.json, "cache_size": .integer(Int64(cacheMegabytes)),
        ]
    }

    public func fit(
        features: FeatureMatrix, targets: EarlyModelTargets, weights: [Double]?, seed: UInt64,
        shouldContinue: () throws -> Void
    ) throws -> FittedModel {
        let rows = try FitRows(kind, features, targets, weights)
        try rows.requireEqualWeights(kind)
        try rows.requireAtMost(Self.maximumRowCount, elements: Self.maximumElementCount)
        let gamma = width.gamma(rows.features)
        guard gamma.isFinite else {
            throw EarlyModelError(
                .numerical, "gamma", "the features vary so little that 1 / variance is infinite: standardise them")
        }
        let kernel = KernelFunction(kernel, gamma: gamma, offset: Double(Float(coefficient)), degree: degree)
        try kernel.check(rows.features)
        let solver = SupportVectorSolver(model: self, kernel: kernel, features: rows.features)
        switch rows.targets {
        case .values(let values):
            try FitRows.requireEqual(classWeight)
            let machine = try solver.regression(values, shouldContinue)
            let graph = try SupportVectorGraph(machine: machine, columns: features.columns).regression()
            return fitted(machine, graph, .regression, SupportVectorPredictor(machine: machine, classes: nil))
        case .classes(let classes, let present, let names):
            let factors = try classWeight.factors(
                classes: classes, weights: [Double](repeating: 1, count: rows.count), present: present, names: names)
            var machine = try solver.classification(
                classes, classCount: present.count, weights: factors, shouldContinue)
            if givesProbabilities {
                // Known before the long part.
                machine.sigmoids = []
                try SupportVectorGraph(machine: machine, columns: features.columns).checkProbabilities()
                machine.sigmoids = try solver.sigmoids(
                    classes, classCount: present.count, weights: factors, seed: seed, shouldContinue)
            }
            let graph = try SupportVectorGraph(machine: machine, columns: features.columns)
                .classification(present: present, names: names)
            return fitted(
                machine, graph, .classification,
                SupportVectorPredictor(machine: machine, classes: (present, names.count)))
        }
    }

    private func fitted(
        _ machine: FittedMachine, _ graph: Graph, _ task: EarlyModelTask, _ predictor: SupportVectorPredictor
    ) -> FittedModel {
        return FittedModel(
            graph: graph, kind: kind, task: task,
            details: [
                "support_vectors": .integer(Int64(machine.vectors.count)),
                "support_vectors_per_class": .numbers(machine.countPerClass.map(Double.init)),
                "gamma": .real(machine.kernel.gamma),
            ], warnings: [], predictor: predictor)
    }
}
