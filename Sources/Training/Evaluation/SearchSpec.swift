public import JSONDocuments

/// Which hyperparameters to try, how, and by what to judge.
///
///     {"strategy": "random", "trials": 20, "metric": "accuracy",
///      "parameters": {"optimizer.learning_rate": {"distribution": "log_uniform", "lower": 1e-4, "upper": 0.1},
///                     "batch_size": [16, 32, 64]}}
public struct SearchSpec: Sendable, Hashable {
    public enum Strategy: Sendable, Hashable {
        /// Every combination.
        case grid
        /// Drawn combinations (Bergstra and Bengio, 2012).
        case random(trials: Int)
        /// Drawn combinations with few epochs; the best of each round go on with `reduction` times as many (Jamieson
        /// and Talwalkar, 2016).
        case successiveHalving(trials: Int, reduction: Int, minimumResource: Int, maximumResource: Int)
    }

    public var strategy: Strategy
    public var metric: Metric
    public var direction: Metric.Direction
    public var parameters: [SearchPath: SearchParameter]
    /// Where successive halving sets the resource, as `epochs`.
    public var resource: SearchPath?

    /// Trials of one search, all rounds together.
    public static let maximumTrials = 10_000

    public init(_ strategy: Strategy, metric: Metric, parameters: [SearchPath: SearchParameter]) {
        self.strategy = strategy
        self.metric = metric
        direction = metric.direction
        self.parameters = parameters
        resource = SearchPath("epochs")
    }

    /// - Parameter isClassification: whether the labels are classes, which decides what trials can be judged by.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor, isClassification: Bool) throws(JSONError) {
        let strategyName =
            try json.optionalChoice("strategy", ["grid", "random", "successive_halving"]) ?? "random"
        var allowed: Set = ["strategy", "metric", "direction", "parameters"]
        let metric = try Metric(reading: try json.member("metric"), isClassification: isClassification)
        let members = try json.member("parameters").members()
        guard (1...100).contains(members.count) else {
            throw try json.member("parameters").failure("found \(members.count) parameters, expected 1 to 100")
        }
        var parameters: [SearchPath: SearchParameter] = [:]
        for (key, value) in members {
            guard let path = SearchPath(key) else {
                throw value.failure(
                    "the key is no path, expected one as \"optimizer.learning_rate\" or \"layers[1].units\"")
            }
            parameters[path] = try SearchParameter(value)
        }
        self.init(.grid, metric: metric, parameters: parameters)
        if let name = try json.optionalChoice("direction", ["maximize", "minimize"]) {
            direction = name == "maximize" ? .maximize : .minimize
        }
        switch strategyName {
        case "grid": try checkGrid(json)
        case "random":
            allowed.insert("trials")
            strategy = .random(trials: try json.member("trials").boundedInteger(1...Self.maximumTrials))
        default:
            allowed.formUnion(["trials", "reduction", "minimum_resource", "maximum_resource", "resource"])
            strategy = try Self.halving(json)
            if let member = try json.optionalMember("resource") {
                guard let path = SearchPath(try member.string()) else { throw member.failure("found no path") }
                resource = path
            }
        }
        try json.rejectUnknownMembers(allowed: allowed)
    }

    private static func halving(_ json: JSONCursor) throws(JSONError) -> Strategy {
        let trials = try json.member("trials").boundedInteger(2...maximumTrials / 2)
        let reduction = try json.optionalMember("reduction")?.boundedInteger(2...100) ?? 3
        let least = try json.optionalMember("minimum_resource")?.boundedInteger(1...1_000_000) ?? 1
        let most = try json.member("maximum_resource")
        let found = try most.boundedInteger(1...1_000_000)
        guard found >= least else {
            throw most.failure("found \(found), expected at least the minimum_resource \(least)")
        }
        return .successiveHalving(
            trials: trials, reduction: reduction, minimumResource: least, maximumResource: found)
    }

    private func checkGrid(_ json: JSONCursor) throws(JSONError) {
        var total = 1
        let members = try json.member("parameters")
        for path in parameters.keys.sorted() {
            guard let count = parameters[path]?.gridCount else {
                throw try members.member(path.description).failure("a grid needs choices or a \"count\" of values")
            }
            let (product, overflow) = total.multipliedReportingOverflow(by: count)
            guard !overflow, product <= Self.maximumTrials else {
                throw members.failure("found more than \(Self.maximumTrials) combinations")
            }
            total = product
        }
    }

    /// Trials of all rounds together, when none fails.
    public var trialCount: Int {
        switch strategy {
        // Checked when it was read.
        case .grid: return parameters.values.reduce(1) { $0 * ($1.gridCount ?? 1) }
        case .random(let trials): return trials
        case .successiveHalving(let trials, let reduction, let least, let most):
            var (count, resource, total) = (trials, least, trials)
            while resource < most {
                count = max(1, count / reduction)
                total += count
                let (product, overflow) = resource.multipliedReportingOverflow(by: reduction)
                resource = overflow ? most : product
            }
            return total
        }
    }

    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "metric": .string(metric.rawValue), "direction": .string(direction.rawValue),
            "parameters": .object(
                Dictionary(uniqueKeysWithValues: parameters.map { ($0.key.description, $0.value.json) })),
        ]
        switch strategy {
        case .grid: members["strategy"] = "grid"
        case .random(let trials):
            members["strategy"] = "random"
            members["trials"] = .integer(Int64(trials))
        case .successiveHalving(let trials, let reduction, let least, let most):
            members["strategy"] = "successive_halving"
            members["trials"] = .integer(Int64(trials))
            members["reduction"] = .integer(Int64(reduction))
            members["minimum_resource"] = .integer(Int64(least))
            members["maximum_resource"] = .integer(Int64(most))
            if let resource { members["resource"] = .string(resource.description) }
        }
        return .object(members)
    }
}
