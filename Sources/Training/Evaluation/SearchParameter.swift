import Glibc
public import JSONDocuments

/// What a hyperparameter may be.
public struct SearchParameter: Sendable, Hashable {
    public enum Domain: Sendable, Hashable {
        case choices([JSONValue])
        case uniform(lower: Double, upper: Double)
        /// Uniform in the logarithm.
        case logUniform(lower: Double, upper: Double)
        /// Both ends included.
        case integer(lower: Int, upper: Int)
    }

    public var domain: Domain
    /// Values of a grid, evenly spaced; nil for all choices or integers.
    public var count: Int?

    public init(_ domain: Domain, count: Int? = nil) {
        self.domain = domain
        self.count = count
    }

    /// Reads `{"choices": [32, 64]}`, a bare array of choices, or
    /// `{"distribution": "log_uniform", "lower": 1e-4, "upper": 1}`.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        count = nil
        if case .array = json.value {
            domain = try Self.choices(json)
            return
        }
        if let choices = try json.optionalMember("choices") {
            try json.rejectUnknownMembers(allowed: ["choices"])
            domain = try Self.choices(choices)
            return
        }
        try json.rejectUnknownMembers(allowed: ["choices", "distribution", "lower", "upper", "count"])
        count = try json.optionalMember("count")?.boundedInteger(1...100_000)
        let name =
            try json.optionalChoice("distribution", ["integer", "log_uniform", "uniform"]) ?? "uniform"
        let (lower, upper) = (try json.member("lower"), try json.member("upper"))
        if name == "integer" {
            let (low, high) = (try lower.integer(), try upper.boundedInteger(-1 << 53...1 << 53))
            guard low >= -1 << 53, low <= high else {
                throw json.failure(
                    "found the range \(low) to \(high), expected an upper end that is not below the lower")
            }
            domain = .integer(lower: low, upper: high)
            return
        }
        let (low, high) = (try lower.number(), try upper.number())
        guard low < high, (high - low).isFinite else {
            throw json.failure("found the range \(low) to \(high), expected an upper end above the lower")
        }
        if name == "log_uniform" {
            guard low > 0 else { throw lower.failure("found \(low), expected a number above 0 for a logarithm") }
            domain = .logUniform(lower: low, upper: high)
        } else {
            domain = .uniform(lower: low, upper: high)
        }
    }

    private static func choices(_ json: JSONCursor) throws(JSONError) -> Domain {
        let values = try json.elements().map(\.value)
        guard (1...100_000).contains(values.count) else {
            throw json.failure("found \(values.count) choices, expected 1 to 100000")
        }
        return .choices(values)
    }

    public var json: JSONValue {
        var members: [String: JSONValue] = [:]
        if let count { members["count"] = .integer(Int64(count)) }
        switch domain {
        case .choices(let values): return ["choices": .array(values)]
        case .uniform(let lower, let upper):
            members["distribution"] = "uniform"
            members["lower"] = .real(lower)
            members["upper"] = .real(upper)
        case .logUniform(let lower, let upper):
            members["distribution"] = "log_uniform"
            members["lower"] = .real(lower)
            members["upper"] = .real(upper)
        case .integer(let lower, let upper):
            members["distribution"] = "integer"
            members["lower"] = .integer(Int64(lower))
            members["upper"] = .integer(Int64(upper))
        }
        return .object(members)
    }

    /// How many values the parameter has in a grid; nil where it has no end.
    var gridCount: Int? {
        switch domain {
        case .choices(let values): values.count
        case .uniform, .logUniform: count
        case .integer(let lower, let upper): min(count ?? Int.max, upper - lower + 1)
        }
    }

    /// A value of the grid.
    func gridValue(_ index: Int) -> JSONValue {
        let count = gridCount ?? 1
        let fraction = count > 1 ? Double(index) / Double(count - 1) : 0.5
        switch domain {
        case .choices(let values): return values[index]
        case .uniform(let lower, let upper): return .real(lower + (upper - lower) * fraction)
        case .logUniform(let lower, let upper):
            return .real(
                index == 0 && count > 1
                    ? lower
                    : index == count - 1 && count > 1
                        ? upper
                        : exp(log(lower) + (log(upper) - log(lower)) * fraction))
        case .integer(let lower, let upper):
            guard count < upper - lower + 1 else { return .integer(Int64(lower + index)) }
            return .integer(Int64(lower) + Int64((Double(upper - lower) * fraction).rounded()))
        }
    }

    func draw(_ random: inout RandomSource) -> JSONValue {
        switch domain {
        case .choices(let values): return values[random.integer(below: values.count)]
        case .uniform(let lower, let upper): return .real(random.uniform(lower, upper))
        case .logUniform(let lower, let upper):
            return .real(min(max(exp(random.uniform(log(lower), log(upper))), lower), upper))
        case .integer(let lower, let upper): return .integer(Int64(lower + random.integer(below: upper - lower + 1)))
        }
    }
}
