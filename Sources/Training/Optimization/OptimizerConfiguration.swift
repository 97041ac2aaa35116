public import JSONDocuments

/// Which optimizer changes the parameters, and how.
///
///     "adam"
///     {"type": "adamw", "learning_rate": 0.001, "weight_decay": 0.01, "clip_norm": 1, "schedule": {"type": "cosine"}}
///
/// Updates and defaults are PyTorch's; the settings have Keras's names.
public struct OptimizerConfiguration: Sendable, Hashable {
    public enum Method: Sendable, Hashable {
        /// Plain descent along the gradient of the whole data set.
        case gradientDescent
        /// `torch.optim.SGD`
        case sgd(momentum: Double, dampening: Double, nesterov: Bool)
        /// `torch.optim.Adam` (Kingma & Ba 2015), and `AdamW` (Loshchilov & Hutter 2019) when the decay is decoupled.
        case adam(beta1: Double, beta2: Double, epsilon: Double, decouplesDecay: Bool)
        /// `torch.optim.RMSprop` (Tieleman & Hinton 2012)
        case rmsprop(rho: Double, epsilon: Double, momentum: Double, centered: Bool)
        /// `torch.optim.Adagrad` (Duchi et al. 2011)
        case adagrad(rateDecay: Double, initial: Double, epsilon: Double)
    }

    /// How gradients are made smaller before a step.
    public enum Clipping: Sendable, Hashable {
        /// All together, so that their norm is at most this (`torch.nn.utils.clip_grad_norm_`).
        case norm(Double)
        /// Each by itself.
        case value(Double)
    }

    public var method: Method
    public var learningRate: Double
    public var schedule: LearningRateSchedule
    public var weightDecay: Double
    /// Whether biases and scales of normalizations decay as well.
    public var decaysAll: Bool
    public var clipping: Clipping?
    /// `l1 · Σ|w|` and `l2 · Σw²` over the kernels are added to the loss.
    public var l1: Double
    public var l2: Double

    public init(
        _ method: Method, learningRate: Double, schedule: LearningRateSchedule = .constant, weightDecay: Double = 0,
        decaysAll: Bool = false, clipping: Clipping? = nil, l1: Double = 0, l2: Double = 0
    ) {
        self.method = method
        self.learningRate = learningRate
        self.schedule = schedule
        self.weightDecay = weightDecay
        self.decaysAll = decaysAll
        self.clipping = clipping
        self.l1 = l1
        self.l2 = l2
    }

    /// As it is called in a request.
    public var name: String {
        switch method {
        case .gradientDescent: "gradient_descent"
        case .sgd: "sgd"
        case .adam(_, _, _, let decouplesDecay): decouplesDecay ? "adamw" : "adam"
        case .rmsprop: "rmsprop"
        case .adagrad: "adagrad"
        }
    }

    /// Whether a step takes the gradient of the whole data set.
    public var usesWholeDataSet: Bool { method == .gradientDescent }

    /// What the optimizer keeps between steps, one number for each parameter.
    var stateNames: [String] {
        switch method {
        case .gradientDescent, .sgd(0, _, _): []
        case .sgd: ["velocity"]
        case .adam: ["first_moment", "second_moment"]
        case .rmsprop(_, _, 0, false): ["square_average"]
        case .rmsprop: ["square_average", "gradient_average", "velocity"]
        case .adagrad: ["square_sum"]
        }
    }

    /// The settings that each optimizer takes beside the common ones.
    private static let settings: [String: Set<String>] = [
        "gradient_descent": [], "sgd": ["momentum", "dampening", "nesterov"],
        "adam": ["beta_1", "beta_2", "epsilon"], "adamw": ["beta_1", "beta_2", "epsilon"],
        "rmsprop": ["rho", "epsilon", "momentum", "centered"],
        "adagrad": ["learning_rate_decay", "initial_accumulator_value", "epsilon"],
    ]
    private static let common: Set<String> = [
        "type", "learning_rate", "schedule", "weight_decay", "decay", "clip_norm", "clip_value", "l1", "l2",
    ]

    /// Reads an optimizer: its name, or an object of its `type` and its settings.
    /// - Throws: ``JSONError`` with the path, what was found and what was expected.
    public init(_ cursor: JSONCursor) throws(JSONError) {
        var name = cursor
        var object = JSONCursor(.object([:]), path: cursor.path)
        if case .object = cursor.value {
            name = try cursor.member("type")
            object = cursor
        }
        let type = try Setting.choice(name, of: Self.settings.keys.sorted())
        try object.rejectUnknownMembers(allowed: (Self.settings[type] ?? []).union(Self.common))
        func number(_ key: String, _ fallback: Double, _ range: NumberRange) throws(JSONError) -> Double {
            guard let cursor = try object.optionalMember(key) else { return fallback }
            return try Setting.number(cursor, in: range)
        }
        func flag(_ key: String) throws(JSONError) -> Bool {
            guard let cursor = try object.optionalMember(key) else { return false }
            return try Setting.bool(cursor)
        }
        let rates = ["rmsprop": 0.01, "adagrad": 0.01]
        var decay = 0.0
        switch type {
        case "sgd":
            let momentum = try number("momentum", 0, .share)
            let dampening = try number("dampening", 0, NumberRange(lower: 0, upper: 1))
            let nesterov = try flag("nesterov")
            if nesterov, momentum == 0 || dampening != 0 {
                throw try object.member("nesterov").failure(
                    "found true with momentum \(momentum) and dampening \(dampening), "
                        + "expected a momentum above 0 and no dampening")
            }
            method = .sgd(momentum: momentum, dampening: dampening, nesterov: nesterov)
        case "adam", "adamw":
            method = .adam(
                beta1: try number("beta_1", 0.9, .share), beta2: try number("beta_2", 0.999, .share),
                epsilon: try number("epsilon", 1e-8, .positive), decouplesDecay: type == "adamw")
            if type == "adamw" { decay = 0.01 }
        case "rmsprop":
            method = .rmsprop(
                rho: try number("rho", 0.99, .share), epsilon: try number("epsilon", 1e-8, .positive),
                momentum: try number("momentum", 0, .share), centered: try flag("centered"))
        case "adagrad":
            method = .adagrad(
                rateDecay: try number("learning_rate_decay", 0, .notNegative),
                initial: try number("initial_accumulator_value", 0, .notNegative),
                epsilon: try number("epsilon", 1e-10, .positive))
        default: method = .gradientDescent
        }
        learningRate = try number("learning_rate", rates[type] ?? 0.001, .positive)
        schedule =
            try object.optionalMember("schedule").map { (cursor) throws(JSONError) in
                try LearningRateSchedule(cursor)
            } ?? .constant
        weightDecay = try number("weight_decay", decay, .notNegative)
        decaysAll =
            try object.optionalMember("decay").map { (cursor) throws(JSONError) in
                try Setting.choice(cursor, of: ["kernels", "all"]) == "all"
            } ?? false
        l1 = try number("l1", 0, .notNegative)
        l2 = try number("l2", 0, .notNegative)
        if let norm = try object.optionalMember("clip_norm") {
            clipping = .norm(try Setting.number(norm, in: .positive))
        }
        if let value = try object.optionalMember("clip_value") {
            guard clipping == nil else {
                throw value.failure("found \(Setting.found(value.value)) beside clip_norm, expected one of the two")
            }
            clipping = .value(try Setting.number(value, in: .positive))
        }
    }

    /// The configuration as it is read, with all defaults.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "type": .string(name), "learning_rate": .real(learningRate), "schedule": schedule.json,
            "weight_decay": .real(weightDecay), "decay": decaysAll ? "all" : "kernels", "l1": .real(l1),
            "l2": .real(l2),
        ]
        switch clipping {
        case .norm(let norm): members["clip_norm"] = .real(norm)
        case .value(let value): members["clip_value"] = .real(value)
        case nil: break
        }
        switch method {
        case .gradientDescent: break
        case .sgd(let momentum, let dampening, let nesterov):
            members["momentum"] = .real(momentum)
            members["dampening"] = .real(dampening)
            members["nesterov"] = .bool(nesterov)
        case .adam(let beta1, let beta2, let epsilon, _):
            members["beta_1"] = .real(beta1)
            members["beta_2"] = .real(beta2)
            members["epsilon"] = .real(epsilon)
        case .rmsprop(let rho, let epsilon, let momentum, let centered):
            members["rho"] = .real(rho)
            members["epsilon"] = .real(epsilon)
            members["momentum"] = .real(momentum)
            members["centered"] = .bool(centered)
        case .adagrad(let rateDecay, let initial, let epsilon):
            members["learning_rate_decay"] = .real(rateDecay)
            members["initial_accumulator_value"] = .real(initial)
            members["epsilon"] = .real(epsilon)
        }
        return .object(members)
    }
}
