import JSONDocuments

/// How much the examples of each class count.
public enum ClassWeight: Sendable, Hashable {
    case equal
    /// As if all classes had the same total weight, the sum over all rows being kept.
    case balanced
    /// By the class's name; those that are not named count once.
    case named([String: Double])

    static let maximumWeight = 1e9

    init(reading cursor: JSONCursor?) throws(JSONError) {
        guard let cursor else {
            self = .equal
            return
        }
        if case .string(let text) = cursor.value {
            guard text == "balanced" else {
                throw cursor.failure("found \"\(text.prefix(80))\", expected \"balanced\" or an object of weights")
            }
            self = .balanced
            return
        }
        var weights: [String: Double] = [:]
        for (name, weight) in try cursor.members() {
            weights[name] = try weight.number(above: 0, through: Self.maximumWeight)
        }
        self = .named(weights)
    }

    var json: JSONValue {
        switch self {
        case .equal: .null
        case .balanced: "balanced"
        case .named(let weights): .object(weights.mapValues { .real($0) })
        }
    }

    /// A factor for each class that is present.
    /// - Throws: ``EarlyModelError`` for a name that is no class's.
    func factors(
        classes: [Int], weights: [Double], present: [Int], names: ClassNames
    ) throws(EarlyModelError) -> [Double] {
        switch self {
        case .equal: return [Double](repeating: 1, count: present.count)
        case .balanced:
            var sums = [Double](repeating: 0, count: present.count)
            for (index, weight) in zip(classes, weights) { sums[index] += weight }
            let total = sums.reduce(0, +)
            return sums.map { total / (Double(present.count) * $0) }
        case .named(let named):
            let texts = names.texts
            if let unknown = named.keys.filter({ !texts.contains($0) }).min() {
                let hint = NearestName.nearest(to: unknown, among: texts).map { "; did you mean \"\($0)\"?" } ?? ""
                throw EarlyModelError(
                    .invalidHyperparameter, "class_weight", "\"\(unknown.prefix(80))\" is no class\(hint)")
            }
            return present.map { named[texts[$0]] ?? 1 }
        }
    }
}
