import JSONDocuments

/// Whether a new version becomes an alias's.
///
///     {"alias": "champion", "if": {"metric": "accuracy", "at_least": "champion"}}
///     {"alias": "champion", "if": {"metric": "rmse", "at_most": 0.5}}
public struct PromotionRule: Sendable, Hashable {
    public enum Threshold: Sendable, Hashable {
        case number(Double)
        /// What the alias's version now scores on the same rows. Without such a version, every new one is promoted.
        case incumbent
    }

    public struct Condition: Sendable, Hashable {
        public let metric: Metric
        public let threshold: Threshold
    }

    public let alias: String
    /// nil for always.
    public let condition: Condition?

    /// - Parameter isClassification: whether the labels are classes, which decides what can be compared.
    init(_ json: JSONCursor, isClassification: Bool) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["alias", "if"])
        let alias =
            try json.optionalMember("alias").map { (cursor) throws(JSONError) in try Setting.name(cursor) }
            ?? "champion"
        self.alias = alias
        condition = try json.optionalMember("if").map { (cursor) throws(JSONError) in
            try cursor.rejectUnknownMembers(allowed: ["metric", "at_least", "at_most"])
            let metric = try Metric(reading: try cursor.member("metric"), isClassification: isClassification)
            let member = metric.direction == .maximize ? "at_least" : "at_most"
            let bound = try cursor.member(member)
            if let other = try cursor.optionalMember(member == "at_least" ? "at_most" : "at_least") {
                throw other.failure("expected \"\(member)\" for \(metric.rawValue)")
            }
            if case .string(let text) = bound.value {
                guard text == alias else { throw bound.failure("found \"\(text)\", expected \"\(alias)\" or a number") }
                return Condition(metric: metric, threshold: .incumbent)
            }
            return Condition(metric: metric, threshold: .number(try Setting.number(bound)))
        }
    }

    /// Whether a version that scores `value` is promoted.
    /// - Parameter incumbent: what the alias's version scores on the same rows; nil without one.
    public func promotes(_ value: Double?, incumbent: Double?) -> Bool {
        guard let condition else { return true }
        guard let value, !value.isNaN else { return false }
        let bound: Double
        switch condition.threshold {
        case .number(let number): bound = number
        case .incumbent:
            guard let incumbent, !incumbent.isNaN else { return true }
            bound = incumbent
        }
        return condition.metric.direction == .maximize ? value >= bound : value <= bound
    }
}
