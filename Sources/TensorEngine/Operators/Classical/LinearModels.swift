/// LinearRegressor and LinearClassifier (ai.onnx.ml 1), in binary64 and rounded once.
struct LinearModelOperator: ClassifyingOperator {
    private let labels: ClassLabels?
    private let coefficients: [Double]
    private let intercepts: [Double]
    private let targets: Int
    private let transform: PostTransform

    init(_ node: inout NodeReader) throws(GraphError) {
        let isClassifier = node.node.node.operatorType == "LinearClassifier"
        coefficients = (try node.floats("coefficients") ?? []).map { Double($0) }
        intercepts = (try node.floats("intercepts") ?? []).map { Double($0) }
        transform = try PostTransform(&node)
        if isClassifier {
            _ = try node.int("multi_class", default: 0)
            labels = try ClassLabels(&node, integers: "classlabels_ints")
            let count = max(labels?.values.count ?? 1, 1)
            // Two classes may have the weights of the second alone.
            targets = intercepts.count == 1 && count == 2 ? 1 : count
        } else {
            labels = nil
            targets = try node.int("targets", default: 1)
        }
        guard targets >= 1, !coefficients.isEmpty, coefficients.count % targets == 0,
            intercepts.isEmpty || intercepts.count == targets
        else {
            throw node.error(
                .invalidGraph,
                "\(coefficients.count) coefficients and \(intercepts.count) intercepts do not fit \(targets) targets")
        }
    }

    var classLabels: ClassLabels? { labels }
    private var isBinary: Bool { targets == 1 && labels?.values.count == 2 }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (_, rows, width) = try operands.features(0)
        guard width == coefficients.count / targets else {
            throw operands.error(
                .shapeMismatch, "input has \(width) features, expected \(coefficients.count / targets)")
        }
        let scores = TensorType(
            elementType: .float32, shape: try operands.makeShape([rows, isBinary ? 2 : targets]))
        guard let labels else { return [scores] }
        return operands.present([
            TensorType(elementType: labels.elementType, shape: try operands.makeShape([rows])), scores,
        ])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (type, rows, width) = try operands.features(0)
        let model = self
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            var all: [Double] = []
            for row in 0..<rows {
                var scores = (0..<model.targets).map { target -> Double in
                    var sum = model.intercepts.isEmpty ? 0 : model.intercepts[target]
                    for index in 0..<width {
                        sum += x[row * width + index] * model.coefficients[target * width + index]
                    }
                    return sum
                }
                if model.isBinary { scores = [-scores[0], scores[0]] }
                if let labels = model.labels {
                    var best = scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
                    if scores.count == 1 { best = scores[0] > 0 ? 0 : -1 }
                    arguments.output(0, as: Int64.self)[row] = best < 0 ? 0 : labels[best]
                }
                all += model.transform.apply(scores)
            }
            if model.labels == nil {
                arguments.store(all, 0, outputs[0])
            } else if outputs.count > 1 {
                arguments.store(all, 1, outputs[1])
            }
        }
    }
}
