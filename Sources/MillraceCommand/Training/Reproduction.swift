import JSONDocuments
import ModelFormats
import TensorEngine

/// What training a version again came to.
struct Reproduction {
    /// A tensor that is not the same.
    struct Difference: Equatable {
        let name: String
        /// Nil when one of the two does not have it, or it is of another type or shape.
        let comparison: WeightComparison?
        /// What the comparison does not say.
        let explanation: String?
    }

    let identity: String
    let fit: String
    let dataset: (recorded: String, found: String)
    let engine: (recorded: String, here: String)
    /// SHA-256 of the weights files; nothing was trained on other rows.
    let weights: (recorded: String, made: String?)
    /// The first in the order of the names.
    let difference: Difference?

    var isEqual: Bool { weights.made == weights.recorded }

    /// - Parameters:
    ///   - recorded: the version's bundle.
    ///   - made: what training again made.
    static func firstDifference(_ recorded: Graph, _ made: Graph) -> Difference? {
        for name in Set(recorded.initializers.keys).union(made.initializers.keys).sorted() {
            guard let left = recorded.initializers[name], let right = made.initializers[name] else {
                let place = recorded.initializers[name] == nil ? "the version" : "the new model"
                return Difference(name: name, comparison: nil, explanation: "\(place) does not have it")
            }
            guard let comparison = WeightComparison.compare(left, right) else {
                return Difference(
                    name: name, comparison: nil,
                    explanation: "\(left.elementType.rawValue) \(left.shape) in the version, "
                        + "\(right.elementType.rawValue) \(right.shape) in the new model")
            }
            if !comparison.isEqual { return Difference(name: name, comparison: comparison, explanation: nil) }
        }
        return nil
    }

    // MARK: For people

    var text: String {
        var table = TextTable([("", .left), ("VERSION", .left), ("TRAINED AGAIN", .left)])
        table.append("dataset", dataset.recorded, dataset.found)
        table.append("engine", engine.recorded, engine.here)
        table.append("weights", weights.recorded, weights.made ?? "not trained: the rows are others")
        var lines = [table.render(), ""]
        if isEqual {
            lines.append("\(identity) is reproduced: the weights are the same, bit for bit")
        } else if weights.made == nil {
            lines.append("\(identity) is not reproduced: the rows are not those that it was trained on")
        } else {
            lines.append(
                "\(identity) is not reproduced: the weights differ" + (difference.map { ", first " + $0.text } ?? ""))
            if engine.recorded != engine.here {
                lines.append("the engines differ: bits are promised for one engine only")
            }
        }
        return lines.joined(separator: "\n")
    }

    // MARK: For programs

    var document: JSONValue {
        var members: [String: JSONValue] = [
            "version": .string(identity), "fit": .string(fit), "equal": .bool(isEqual),
            "dataset": ["recorded": .string(dataset.recorded), "found": .string(dataset.found)],
            "engine": ["recorded": .string(engine.recorded), "here": .string(engine.here)],
            "weights": ["recorded": .string(weights.recorded), "made": weights.made.map { .string($0) } ?? .null],
        ]
        if let difference { members["difference"] = difference.document }
        return .object(members)
    }
}

extension Reproduction.Difference {
    var text: String {
        guard let comparison else { return "\(name): \(explanation ?? "")" }
        let largest = comparison.maximumAbsolute
        let size = largest.isFinite ? NumberText.scientific(largest) : "\(largest)"
        return "\(name): \(comparison.differingCount) of \(comparison.elementCount) elements, by at most \(size)"
            + (comparison.maximumULPs.map { " (\($0) units in the last place)" } ?? "")
    }

    var document: JSONValue {
        var members: [String: JSONValue] = ["tensor": .string(name)]
        if let explanation { members["explanation"] = .string(explanation) }
        if let comparison {
            members["elements"] = .integer(Int64(comparison.elementCount))
            members["differing"] = .integer(Int64(comparison.differingCount))
            members["maximum_absolute"] = .real(comparison.maximumAbsolute)
            if let ulps = comparison.maximumULPs { members["maximum_ulps"] = .integer(Int64(clamping: ulps)) }
        }
        return .object(members)
    }
}
