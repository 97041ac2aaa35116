import Glibc
public import JSONDocuments

/// How the learning rate changes while training goes on.
///
///     {"type": "step", "step_size": 10, "gamma": 0.5}
///     {"type": "warmup", "duration": 500, "unit": "step", "then": {"type": "cosine"}}
public indirect enum LearningRateSchedule: Sendable, Hashable {
    /// What a schedule counts in.
    public enum Unit: String, Sendable, Hashable, CaseIterable {
        case step, epoch
    }

    case constant
    /// The rate times `gamma` after every `size` units (PyTorch's `StepLR`).
    case step(size: Int, gamma: Double, unit: Unit)
    /// The rate times `gamma` after every unit (`ExponentialLR`).
    case exponential(gamma: Double, unit: Unit)
    /// From the rate to `minimum` along half a cosine (`CosineAnnealingLR`), where it stays; nil for the whole run.
    case cosine(duration: Int?, minimum: Double, unit: Unit)
    /// Step by step in equal parts from the first to the rate, then another schedule from its beginning.
    case warmup(duration: Int, unit: Unit, then: LearningRateSchedule)

    /// The learning rate of a step.
    /// - Parameters:
    ///   - base: the optimizer's rate.
    ///   - step: from 0.
    ///   - stepsPerEpoch: at least 1.
    ///   - stepCount: of the whole run.
    public func rate(base: Double, step: Int, stepsPerEpoch: Int, stepCount: Int) -> Double {
        let epoch = max(stepsPerEpoch, 1)
        switch self {
        case .constant: return base
        case .step(let size, let gamma, let unit):
            return base * pow(gamma, Double(units(step, unit, epoch) / max(size, 1)))
        case .exponential(let gamma, let unit): return base * pow(gamma, Double(units(step, unit, epoch)))
        case .cosine(let duration, let minimum, let unit):
            let whole = unit == .step ? stepCount : (stepCount + epoch - 1) / epoch
            let length = max(duration ?? whole, 1)
            let position = Double(min(units(step, unit, epoch), length)) / Double(length)
            return minimum + (base - minimum) * (1 + cos(Double.pi * position)) / 2
        case .warmup(let duration, let unit, let next):
            let length = unit == .step ? duration : duration.multipliedReportingOverflow(by: epoch).partialValue
            guard step >= length else { return base * Double(step + 1) / Double(length) }
            return next.rate(
                base: base, step: step - length, stepsPerEpoch: epoch, stepCount: max(stepCount - length, 1))
        }
    }

    private func units(_ step: Int, _ unit: Unit, _ stepsPerEpoch: Int) -> Int {
        unit == .step ? step : step / stepsPerEpoch
    }

    private static let settings: [String: Set<String>] = [
        "constant": [], "step": ["step_size", "gamma", "unit"], "exponential": ["gamma", "unit"],
        "cosine": ["duration", "minimum", "unit"], "warmup": ["duration", "unit", "then"],
    ]
    private static let maximumDuration = 1_000_000_000

    /// Reads a schedule: its name, or an object of its `type` and its settings.
    /// - Throws: ``JSONError`` with the path, what was found and what was expected.
    public init(_ cursor: JSONCursor) throws(JSONError) {
        try self.init(cursor, inside: false)
    }

    private init(_ cursor: JSONCursor, inside isInside: Bool) throws(JSONError) {
        var name = cursor
        var object = JSONCursor(.object([:]), path: cursor.path)
        if case .object = cursor.value {
            name = try cursor.member("type")
            object = cursor
        }
        let type = try Setting.choice(name, of: Self.settings.keys.sorted(), what: "a schedule,")
        try object.rejectUnknownMembers(allowed: (Self.settings[type] ?? []).union(["type"]))
        func whole(_ key: String) throws(JSONError) -> Int? {
            guard let cursor = try object.optionalMember(key) else { return nil }
            return try Setting.wholeNumber(cursor, in: 1...Self.maximumDuration)
        }
        func required<Value>(_ key: String, _ value: Value?, _ expected: String) throws(JSONError) -> Value {
            guard let value else { throw object.failure("\(type) has no \"\(key)\", expected \(expected)") }
            return value
        }
        let unit =
            try object.optionalMember("unit").map { (cursor) throws(JSONError) in
                Unit(rawValue: try Setting.choice(cursor, of: Unit.allCases.map(\.rawValue)))
            } ?? nil
        let gamma = try object.optionalMember("gamma").map { (cursor) throws(JSONError) in
            try Setting.number(cursor, in: NumberRange(lower: 0, upper: 1, excludesLower: true))
        }
        let countText = Setting.wholeNumberText(1...Self.maximumDuration)
        switch type {
        case "step":
            self = .step(
                size: try required("step_size", try whole("step_size"), countText), gamma: gamma ?? 0.1,
                unit: unit ?? .epoch)
        case "exponential":
            self = .exponential(
                gamma: try required("gamma", gamma, "a number above 0 to 1"), unit: unit ?? .epoch)
        case "cosine":
            let minimum = try object.optionalMember("minimum").map { (cursor) throws(JSONError) in
                try Setting.number(cursor, in: .notNegative)
            }
            self = .cosine(duration: try whole("duration"), minimum: minimum ?? 0, unit: unit ?? .epoch)
        case "warmup":
            guard !isInside else {
                throw name.failure("found \"warmup\" inside of a warm-up, expected another schedule")
            }
            let then = try object.optionalMember("then").map { (cursor) throws(JSONError) in
                try LearningRateSchedule(cursor, inside: true)
            }
            self = .warmup(
                duration: try required("duration", try whole("duration"), countText), unit: unit ?? .epoch,
                then: then ?? .constant)
        default: self = .constant
        }
    }

    /// The schedule as it is read.
    public var json: JSONValue {
        switch self {
        case .constant: return ["type": "constant"]
        case .step(let size, let gamma, let unit):
            return [
                "type": "step", "step_size": .integer(Int64(size)), "gamma": .real(gamma),
                "unit": .string(unit.rawValue),
            ]
        case .exponential(let gamma, let unit):
            return ["type": "exponential", "gamma": .real(gamma), "unit": .string(unit.rawValue)]
        case .cosine(let duration, let minimum, let unit):
            return [
                "type": "cosine", "duration": duration.map { .integer(Int64($0)) } ?? .null,
                "minimum": .real(minimum), "unit": .string(unit.rawValue),
            ]
        case .warmup(let duration, let unit, let next):
            return [
                "type": "warmup", "duration": .integer(Int64(duration)), "unit": .string(unit.rawValue),
                "then": next.json,
            ]
        }
    }
}
