import Glibc

/// What the operators of `ai.onnx.ml` do with a row's scores.
enum PostTransform: String, Sendable, CaseIterable {
    case none = "NONE", softmax = "SOFTMAX", logistic = "LOGISTIC", softmaxZero = "SOFTMAX_ZERO", probit = "PROBIT"

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("post_transform", default: "NONE")
        guard let found = PostTransform(rawValue: name) else {
            throw node.error(
                .invalidGraph,
                "post_transform is '\(name)', expected one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = found
    }

    func apply(_ scores: [Double]) -> [Double] {
        switch self {
        case .none: return scores
        case .logistic: return scores.map(Self.logistic)
        case .probit: return scores.map { 2.0.squareRoot() * Self.inverseError(2 * $0 - 1) }
        case .softmax, .softmaxZero:
            let largest = scores.max() ?? 0
            let weights = scores.map { score in
                self == .softmaxZero && abs(score) <= 1e-7 ? score * exp(-largest) : exp(score - largest)
            }
            let sum = weights.reduce(0, +)
            return sum == 0 ? weights.map { _ in 0.5 } : weights.map { $0 / sum }
        }
    }

    static func logistic(_ x: Double) -> Double {
        let v = 1 / (1 + exp(-abs(x)))
        return x < 0 ? 1 - v : v
    }

    /// Winitzki's approximation of the inverse error function, as ONNX Runtime uses it.
    private static func inverseError(_ x: Double) -> Double {
        let product = (1 - x) * (1 + x)
        if product == 0 { return 0 }
        let logarithm = log(product)
        let v = 2 / (Double.pi * 0.147) + 0.5 * logarithm
        return (x < 0 ? -1 : 1) * (-v + (v * v - logarithm / 0.147).squareRoot()).squareRoot()
    }
}

extension Operands {
    /// A matrix of features: its rows and columns, a vector being one row.
    func features(_ index: Int) throws(GraphError) -> (type: TensorType, rows: Int, width: Int) {
        let type = try type(index, in: [.float32, .float64, .int64, .int32])
        guard type.shape.rank == 1 || type.shape.rank == 2, let width = type.shape.dimensions.last else {
            throw error(.shapeMismatch, "input is \(type.shape), expected one or two dimensions")
        }
        return (type, type.shape.rank == 1 ? 1 : type.shape[0], width)
    }
}
