import Glibc

/// NegativeLogLikelihoodLoss (opset 12 to 22) and SoftmaxCrossEntropyLoss (opset 12, 13) over classes in dimension 1.
struct LossOperator: Operator {
    private enum Reduction: String { case none, mean, sum }

    private let reduction: Reduction
    private let ignored: Int?
    private let takesScores: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        takesScores = node.node.node.operatorType == "SoftmaxCrossEntropyLoss"
        let name = try node.string("reduction", default: "mean")
        guard let reduction = Reduction(rawValue: name) else {
            throw node.error(.invalidGraph, "attribute 'reduction' is '\(name)', expected none, mean or sum")
        }
        self.reduction = reduction
        ignored = node.node.node.attributes["ignore_index"] == nil ? nil : try node.int("ignore_index", default: 0)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let scores = try operands.type(0, in: ElementType.floatingPoint)
        let labels = try operands.indexType(1).shape
        guard scores.shape.rank >= 2,
            labels.dimensions == [scores.shape[0]] + scores.shape.dimensions[2...]
        else {
            throw operands.error(
                .shapeMismatch, "labels of shape \(labels) do not fit scores of shape \(scores.shape)")
        }
        if operands.has(2) {
            let weights = try operands.type(2, among: scores.elementType).shape
            guard weights.dimensions == [scores.shape[1]] else {
                throw operands.error(.shapeMismatch, "weights have shape \(weights), expected [\(scores.shape[1])]")
            }
        }
        let loss = TensorType(elementType: scores.elementType, shape: reduction == .none ? labels : [])
        return operands.present([loss, scores])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let scores = try operands.type(0)
        let labels = try operands.indexType(1)
        let weights = operands.has(2) ? try operands.type(2) : nil
        let classes = scores.shape[1]
        let plane = scores.shape.dimensions[2...].reduce(1, *)
        let (reduction, ignored, takesScores) = (reduction, ignored, takesScores)
        let hasLogProbabilities = outputs.count > 1
        return Kernel { arguments in
            var values = arguments.doubles(0, scores)
            let places = arguments.doubles(1, labels)
            let factors = weights.map { arguments.doubles(2, $0) }
            if takesScores { Self.logSoftmax(&values, classes: classes, plane: plane) }
            var losses = [Double](repeating: 0, count: places.count)
            var total = 0.0
            for (index, place) in places.enumerated() {
                let label = Int(place)
                if label == ignored { continue }
                guard (0..<classes).contains(label) else {
                    arguments.fault.set("label \(label) at position \(index) is outside [0, \(classes - 1)]")
                    continue
                }
                let weight = factors?[label] ?? 1
                losses[index] = -values[(index / plane * classes + label) * plane + index % plane] * weight
                total += weight
            }
            switch reduction {
            case .none: arguments.store(losses, 0, outputs[0])
            case .sum: arguments.store([losses.reduce(0, +)], 0, outputs[0])
            case .mean: arguments.store([losses.reduce(0, +) / total], 0, outputs[0])
            }
            if hasLogProbabilities { arguments.store(values, 1, outputs[1]) }
        }
    }

    private static func logSoftmax(_ values: inout [Double], classes: Int, plane: Int) {
        for row in 0..<values.count / max(classes, 1) {
            let places = (0..<classes).map { (row / plane * classes + $0) * plane + row % plane }
            let largest = places.reduce(-Double.infinity) { max($0, values[$1]) }
            let sum = places.reduce(0.0) { $0 + exp(values[$1] - largest) }
            for place in places { values[place] -= largest + log(sum) }
        }
    }
}
