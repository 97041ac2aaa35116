import CTensorKernels
import Glibc

/// NegativeLogLikelihoodLoss (opset 12 to 22) and SoftmaxCrossEntropyLoss (opset 12, 13) over classes in dimension 1. In
/// binary64, save for scores of two dimensions in float32.
struct LossOperator: Operator {
    fileprivate enum Reduction: String { case none, mean, sum }

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
        if plane == 1, scores.elementType == .float32 {
            return RowLoss(
                rows: scores.shape[0], classes: classes, labelType: labels.elementType, hasWeights: weights != nil,
                ignored: ignored, takesScores: takesScores, reduction: reduction,
                hasLogProbabilities: hasLogProbabilities, kernels: operands.kernels
            ).kernel
        }
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

/// The losses of rows of float32 scores.
private struct RowLoss: Sendable {
    let rows: Int
    let classes: Int
    let labelType: ElementType
    let hasWeights: Bool
    let ignored: Int?
    let takesScores: Bool
    let reduction: LossOperator.Reduction
    let hasLogProbabilities: Bool
    let kernels: KernelTable

    var kernel: Kernel {
        let loss = self
        let count = rows * classes
        // The scores less their row's greatest, their powers, and the greatest ones.
        return Kernel(scratchByteCount: takesScores ? (2 * count + rows) * 4 : 0) { arguments in
            let scores = arguments.input(0, as: Float.self)
            let labels = LossLabels(
                arguments.rawInput(1), loss.labelType, classes: loss.classes, ignored: loss.ignored)
            let weights = loss.hasWeights ? arguments.input(2, as: Float.self) : nil
            var shifted = scores
            var powers: UnsafeMutablePointer<Float>?
            if loss.takesScores {
                let scratch = arguments.scratch(as: Float.self)
                loss.shift(scores, scratch, powers: scratch + count, greatest: scratch + 2 * count)
                (shifted, powers) = (UnsafePointer(scratch), scratch + count)
            }
            var (sum, total) = (0.0, 0.0)
            for row in 0..<loss.rows {
                var logarithm: Float = 0
                let start = row * loss.classes
                if let powers { logarithm = log(Float.sum(loss.classes) { powers[start + $0] }) }
                if loss.hasLogProbabilities {
                    let target = arguments.output(1, as: Float.self) + start
                    for place in 0..<loss.classes { target[place] = shifted[start + place] - logarithm }
                }
                var value: Float = 0
                if let label = labels.label(row, arguments.fault) {
                    let weight = weights?[label] ?? 1
                    value = (logarithm - shifted[start + label]) * weight
                    sum += Double(value)
                    total += Double(weight)
                }
                if loss.reduction == .none { arguments.output(0, as: Float.self)[row] = value }
            }
            switch loss.reduction {
            case .none: break
            case .sum: arguments.output(0, as: Float.self).pointee = Float(sum)
            case .mean: arguments.output(0, as: Float.self).pointee = Float(sum / total)
            }
        }
    }

    private func shift(
        _ scores: UnsafePointer<Float>, _ shifted: UnsafeMutablePointer<Float>,
        powers: UnsafeMutablePointer<Float>, greatest: UnsafeMutablePointer<Float>
    ) {
        kernels.functions.row_max(scores, greatest, rows, classes)
        for row in 0..<rows {
            let (start, most) = (row * classes, greatest[row])
            for place in start..<start + classes { shifted[place] = scores[place] - most }
        }
        kernels.functions.unary(MK_UNARY_EXP, shifted, powers, rows * classes, 0, 0)
    }
}
