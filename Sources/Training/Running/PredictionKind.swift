import Glibc
import TensorEngine

/// What the numbers of a model's output are.
public enum PredictionKind: Sendable, Hashable {
    /// Of every class, or of the second of two.
    case probabilities
    /// What becomes probabilities by softmax, or one number by the logistic function.
    case logits
    /// The greater, the more likely; no probabilities follow from them.
    case scores
    /// Predicted numbers.
    case numbers

    /// What an output is, by the operator that makes it and its name.
    static func of(_ output: String, in graph: Graph, isClassification: Bool) -> PredictionKind {
        guard isClassification else { return .numbers }
        if output == EarlyModelValue.scores { return .scores }
        var name = output
        for _ in graph.nodes.indices {
            guard let node = graph.nodes.first(where: { $0.outputs.contains(name) }) else { break }
            switch node.operatorType {
            case "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze":
                guard let input = node.inputs.first else { return .logits }
                name = input
            case "Softmax", "Sigmoid": return .probabilities
            default: return output == EarlyModelValue.probabilities ? .probabilities : .logits
            }
        }
        return .logits
    }

    /// Probabilities that a row's numbers stand for; of scores, numbers in the same order.
    func probabilities(_ row: UnsafeBufferPointer<Float>) -> [Float] {
        switch self {
        case .probabilities, .numbers: return Array(row)
        case .logits, .scores:
            if row.count == 1 { return [Float(1 / (1 + exp(-Double(row[0]))))] }
            let greatest = Double(row.max() ?? 0)
            let powers = row.map { exp(Double($0) - greatest) }
            let sum = powers.reduce(0, +)
            return powers.map { Float($0 / sum) }
        }
    }
}

extension LossConfiguration {
    /// What the predictions are that this loss was attached to.
    func kind(of predictions: String, in graph: Graph, isClassification: Bool) -> PredictionKind {
        let found = PredictionKind.of(predictions, in: graph, isClassification: isClassification)
        switch function {
        case .softmaxCrossEntropy, .binaryCrossEntropy: return found
        default: return found == .logits ? .scores : found
        }
    }
}
