import Glibc

/// The kernel of a support vector machine.
struct SupportVectorKernel: Sendable {
    private let type: String
    private let (gamma, offset, degree): (Double, Double, Double)

    init(_ node: inout NodeReader) throws(GraphError) {
        type = try node.string("kernel_type", default: "LINEAR")
        guard ["LINEAR", "POLY", "RBF", "SIGMOID"].contains(type) else {
            throw node.error(.invalidGraph, "kernel_type is '\(type)', expected LINEAR, POLY, RBF or SIGMOID")
        }
        let parameters = (try node.floats("kernel_params") ?? []).map { Double($0) }
        guard parameters.isEmpty || parameters.count == 3 else {
            throw node.error(
                .invalidGraph, "kernel_params has \(parameters.count) values, expected gamma, coef0, degree")
        }
        (gamma, offset, degree) = parameters.isEmpty ? (0, 0, 0) : (parameters[0], parameters[1], parameters[2])
    }

    func callAsFunction(_ x: ArraySlice<Double>, _ vector: ArraySlice<Double>) -> Double {
        var sum = 0.0
        if type == "RBF" {
            for (a, b) in zip(x, vector) { sum += (a - b) * (a - b) }
            return exp(-gamma * sum)
        }
        for (a, b) in zip(x, vector) { sum += a * b }
        switch type {
        case "POLY": return pow(sum * gamma + offset, degree)
        case "SIGMOID": return tanh(sum * gamma + offset)
        default: return sum
        }
    }
}

/// SVMRegressor (ai.onnx.ml 1), one-class machines included, in binary64.
struct SVMRegressorOperator: Operator {
    private let kernel: SupportVectorKernel
    private let coefficients: [Double]
    private let vectors: [Double]
    private let count: Int
    private let rho: Double
    private let isOneClass: Bool
    private let transform: PostTransform

    init(_ node: inout NodeReader) throws(GraphError) {
        kernel = try SupportVectorKernel(&node)
        coefficients = (try node.floats("coefficients") ?? []).map { Double($0) }
        vectors = (try node.floats("support_vectors") ?? []).map { Double($0) }
        count = try node.int("n_supports", default: 0)
        rho = Double((try node.floats("rho") ?? []).first ?? 0)
        isOneClass = try node.bool("one_class", default: false)
        transform = try PostTransform(&node)
        guard count >= 0, count == 0 || (coefficients.count == count && vectors.count % count == 0) else {
            throw node.error(
                .invalidGraph,
                "n_supports is \(count) for \(coefficients.count) coefficients and \(vectors.count) numbers of vectors")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (_, rows, width) = try operands.features(0)
        let expected = count > 0 ? vectors.count / count : coefficients.count
        guard width == expected else {
            throw operands.error(.shapeMismatch, "input has \(width) features, expected \(expected)")
        }
        return [TensorType(elementType: .float32, shape: try operands.makeShape([rows, 1]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (type, rows, width) = try operands.features(0)
        let machine = self
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            let results = (0..<rows).map { row -> Double in
                let features = x[row * width..<(row + 1) * width]
                var sum = machine.rho
                if machine.count == 0 {
                    sum += machine.kernel(features, machine.coefficients[...])
                } else {
                    for index in 0..<machine.count {
                        let vector = machine.vectors[index * width..<(index + 1) * width]
                        sum += machine.coefficients[index] * machine.kernel(features, vector)
                    }
                }
                if machine.isOneClass { return sum > 0 ? 1 : -1 }
                return machine.transform.apply([sum])[0]
            }
            arguments.store(results, 0, outputs[0])
        }
    }
}

/// SVMClassifier (ai.onnx.ml 1): one against one with votes, probabilities by Platt's sigmoids coupled as libsvm does (Wu, Lin
/// and Weng, 2004), or one linear score a class.
struct SVMClassifierOperator: ClassifyingOperator {
    private let kernel: SupportVectorKernel
    private let labels: ClassLabels
    private let coefficients: [Double]
    private let vectors: [Double]
    private let perClass: [Int]
    private let rho: [Double]
    private let sigmoids: (a: [Double], b: [Double])
    private let transform: PostTransform
    private let vectorCount: Int
    private let classCount: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        kernel = try SupportVectorKernel(&node)
        labels = try ClassLabels(&node, integers: "classlabels_ints")
        coefficients = (try node.floats("coefficients") ?? []).map { Double($0) }
        vectors = (try node.floats("support_vectors") ?? []).map { Double($0) }
        perClass = try node.ints("vectors_per_class") ?? []
        rho = (try node.floats("rho") ?? []).map { Double($0) }
        sigmoids = (
            (try node.floats("prob_a") ?? []).map { Double($0) }, (try node.floats("prob_b") ?? []).map { Double($0) }
        )
        transform = try PostTransform(&node)
        classCount = max(labels.values.count, 1)
        var sum = 0
        for count in perClass where count >= 0 { sum = sum.addingReportingOverflow(count).partialValue }
        vectorCount = sum
        let pairs = classCount * (classCount - 1) / 2
        let isConsistent =
            vectorCount == 0
            ? coefficients.count % classCount == 0 && !rho.isEmpty
            : perClass.count == classCount && perClass.allSatisfy { $0 >= 0 } && vectors.count % vectorCount == 0
                && coefficients.count == (classCount - 1) * vectorCount && rho.count == pairs
                && (sigmoids.a.isEmpty || (sigmoids.a.count == pairs && sigmoids.b.count == pairs))
        guard isConsistent, classCount <= 4096 else {
            throw node.error(
                .invalidGraph,
                "\(classCount) classes, \(perClass) vectors, \(coefficients.count) coefficients, \(rho.count) rho and "
                    + "\(sigmoids.a.count) prob_a do not fit together")
        }
    }

    var classLabels: ClassLabels? { labels }
    private var width: Int { vectorCount == 0 ? coefficients.count / classCount : vectors.count / vectorCount }
    private var hasProbabilities: Bool { vectorCount > 0 && !sigmoids.a.isEmpty }

    /// Scores of a row in the second output.
    private var scoreCount: Int {
        if vectorCount == 0 || hasProbabilities { return classCount }
        return classCount == 2 ? 2 : classCount * (classCount - 1) / 2
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (_, rows, found) = try operands.features(0)
        guard found == width else {
            throw operands.error(.shapeMismatch, "input has \(found) features, expected \(width)")
        }
        return operands.present([
            TensorType(elementType: labels.elementType, shape: try operands.makeShape([rows])),
            TensorType(elementType: .float32, shape: try operands.makeShape([rows, scoreCount])),
        ])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (type, rows, width) = try operands.features(0)
        let machine = self
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            var all: [Double] = []
            for row in 0..<rows {
                let (label, scores) = machine.decide(x[row * width..<(row + 1) * width])
                arguments.output(0, as: Int64.self)[row] = label
                all += scores
            }
            if outputs.count > 1 { arguments.store(all, 1, outputs[1]) }
        }
    }

    private func decide(_ x: ArraySlice<Double>) -> (label: Int64, scores: [Double]) {
        if vectorCount == 0 {
            let scores = (0..<classCount).map { index in
                kernel(x, coefficients[index * width..<(index + 1) * width]) + (rho.count > index ? rho[0] : rho[0])
            }
            let best = scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
            return (labels[best], transform.apply(scores))
        }
        let products = (0..<vectorCount).map { kernel(x, vectors[$0 * width..<($0 + 1) * width]) }
        var starts = [0]
        for count in perClass { starts.append(starts[starts.count - 1] + count) }
        var votes = [Int](repeating: 0, count: classCount)
        var pairs: [Double] = []
        for first in 0..<classCount {
            for second in first + 1..<max(classCount, first + 1) {
                var sum = rho[pairs.count]
                for index in starts[first]..<starts[first + 1] {
                    sum += coefficients[(second - 1) * vectorCount + index] * products[index]
                }
                for index in starts[second]..<starts[second + 1] {
                    sum += coefficients[first * vectorCount + index] * products[index]
                }
                votes[sum > 0 ? first : second] += 1
                pairs.append(sum)
            }
        }
        let best = votes.indices.reduce(0) { votes[$1] > votes[$0] ? $1 : $0 }
        guard hasProbabilities else {
            // Two classes have one pair: its score stands for both.
            if classCount == 2 {
                let score = pairs[0]
                switch transform {
                case .logistic: return (labels[best], [PostTransform.logistic(-score), PostTransform.logistic(score)])
                case .softmax, .softmaxZero: return (labels[best], transform.apply([-score, score]))
                default: return (labels[best], [-score, score])
                }
            }
            return (labels[best], transform.apply(pairs))
        }
        return (labels[best], transform.apply(pairwiseProbabilities(pairs)))
    }

    private func pairwiseProbabilities(_ sums: [Double]) -> [Double] {
        PairwiseCoupling.probabilities(
            sums.indices.map { 1 - PostTransform.logistic(sums[$0] * sigmoids.a[$0] + sigmoids.b[$0]) },
            classCount: classCount)
    }
}
