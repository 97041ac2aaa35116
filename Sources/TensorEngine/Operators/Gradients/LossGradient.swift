import CTensorKernels

/// LossGradient, the engine's own: the gradient of the scores of SoftmaxCrossEntropyLoss or NegativeLogLikelihoodLoss
/// (attribute `function`), from that of the loss, the scores, the labels and optionally the classes' weights; `reduction` and
/// `ignore_index` come along.
///
/// `flow · weight · (softmax(scores) - one hot)`, divided by the sum of the weights where the loss is their mean.
struct LossGradientOperator: Operator {
    private let takesScores: Bool
    private let reduction: String
    private let ignored: Int?

    init(_ node: inout NodeReader) throws(GraphError) {
        takesScores = try node.string("function", default: "") == "SoftmaxCrossEntropyLoss"
        reduction = try node.string("reduction", default: "mean")
        guard ["none", "mean", "sum"].contains(reduction) else {
            throw node.error(.invalidGraph, "attribute 'reduction' is '\(reduction)', expected none, mean or sum")
        }
        ignored = node.node.node.attributes["ignore_index"] == nil ? nil : try node.int("ignore_index", default: 0)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let scores = try operands.type(1, among: flow.elementType)
        let labels = try operands.indexType(2).shape
        guard scores.shape.rank >= 2, labels.dimensions == [scores.shape[0]] + scores.shape.dimensions[2...],
            flow.shape.elementCount == (reduction == "none" ? labels.elementCount : 1)
        else {
            throw operands.error(
                .shapeMismatch,
                "the gradient is \(flow.shape), the scores are \(scores.shape), the labels \(labels)")
        }
        if operands.has(3) {
            guard try operands.type(3, among: flow.elementType).shape.elementCount == scores.shape[1] else {
                throw operands.error(
                    .shapeMismatch, "the weights are \(try operands.shape(3)), expected [\(scores.shape[1])]")
            }
        }
        return [scores]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let visitor = Visitor(
            takesScores: takesScores, reduction: reduction, ignored: ignored, classes: shape[1],
            plane: shape.dimensions[2...].reduce(1, *), count: shape.elementCount / max(shape[1], 1),
            labelType: try operands.indexType(2).elementType, hasWeights: operands.has(3), kernels: operands.kernels)
        return try operands.visitGradient(outputs[0].elementType, visitor)
    }

    private struct Visitor: GradientVisitor {
        let takesScores: Bool
        let reduction: String
        let ignored: Int?
        let classes: Int
        let plane: Int
        /// Labels.
        let count: Int
        let labelType: ElementType
        let hasWeights: Bool
        let kernels: KernelTable

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let visitor = self
            let (isMean, isShared) = (reduction == "mean", reduction != "none")
            return Kernel { arguments in
                let flow = arguments.input(0, as: E.self)
                let output = arguments.output(0, as: E.self)
                let labels = LossLabels(
                    arguments.rawInput(2), visitor.labelType, classes: visitor.classes, ignored: visitor.ignored)
                let weights = visitor.hasWeights ? arguments.input(3, as: E.self) : nil
                visitor.softmax(arguments.input(1, as: E.self), output)
                var total: E = 0
                for index in 0..<visitor.count {
                    guard let label = labels.label(index, arguments.fault) else { continue }
                    total += weights?[label] ?? 1
                }
                for index in 0..<visitor.count {
                    let start = index / visitor.plane * visitor.classes * visitor.plane + index % visitor.plane
                    let row = output + start
                    guard let label = labels.label(index, arguments.fault) else {
                        for place in 0..<visitor.classes { row[place * visitor.plane] = 0 }
                        continue
                    }
                    var factor = (isShared ? flow[0] : flow[index]) * (weights?[label] ?? 1)
                    if isMean { factor /= total }
                    row[label * visitor.plane] -= 1
                    for place in 0..<visitor.classes { row[place * visitor.plane] *= factor }
                }
            }
        }

        /// The probabilities of the scores; zeros where the loss takes logarithms of probabilities.
        private func softmax<E: GradientElement>(_ scores: UnsafePointer<E>, _ output: UnsafeMutablePointer<E>) {
            guard takesScores else {
                output.update(repeating: 0, count: count * classes)
                return
            }
            if E.self == Float.self, plane == 1 {
                kernels.functions.softmax(
                    UnsafeRawPointer(scores).assumingMemoryBound(to: Float.self),
                    UnsafeMutableRawPointer(output).assumingMemoryBound(to: Float.self), count, classes)
                return
            }
            for index in 0..<count {
                let start = index / plane * classes * plane + index % plane
                var largest = -E.infinity
                for place in 0..<classes { largest = max(largest, scores[start + place * plane]) }
                var sum: E = 0
                for place in 0..<classes {
                    let power = E.exponential(scores[start + place * plane] - largest)
                    output[start + place * plane] = power
                    sum += power
                }
                for place in 0..<classes { output[start + place * plane] /= sum }
            }
        }
    }
}

/// The labels of a loss, of type int32 or int64.
struct LossLabels {
    private let bytes: UnsafeRawPointer
    private let isWide: Bool
    private let classes: Int
    private let ignored: Int?

    init(_ bytes: UnsafeRawPointer, _ type: ElementType, classes: Int, ignored: Int?) {
        (self.bytes, isWide, self.classes, self.ignored) = (bytes, type == .int64, classes, ignored)
    }

    /// nil for a label that does not count; the fault is set when it is none of the classes.
    func label(_ index: Int, _ fault: KernelFault) -> Int? {
        let label =
            isWide
            ? Int(bytes.load(fromByteOffset: index * 8, as: Int64.self))
            : Int(bytes.load(fromByteOffset: index * 4, as: Int32.self))
        if label == ignored { return nil }
        guard (0..<classes).contains(label) else {
            fault.set("label \(label) at position \(index) is outside [0, \(classes - 1)]")
            return nil
        }
        return label
    }
}
