import Glibc

/// Functions of one number, in binary64: what operators apply where there is no vector kernel.
enum ScalarFunction {
    typealias Body = @Sendable (Double) -> Double

    /// The function of a node, its attributes read; nil when the operator is none.
    static func make(_ node: inout NodeReader) throws(GraphError) -> Body? {
        let name = node.node.node.operatorType
        if let plain = plain[name] { return plain }
        func float(_ attribute: String, _ value: Float) throws(GraphError) -> Double {
            Double(try node.float(attribute, default: value))
        }
        switch name {
        case "LeakyRelu":
            let alpha = try float("alpha", 0.01)
            return { $0 < 0 ? alpha * $0 : $0 }
        case "Elu":
            let alpha = try float("alpha", 1)
            return { $0 < 0 ? alpha * expm1($0) : $0 }
        case "Selu":
            let alpha = try float("alpha", 1.67326319217681884765625)
            let gamma = try float("gamma", 1.05070102214813232421875)
            return { gamma * ($0 < 0 ? alpha * expm1($0) : $0) }
        case "Celu":
            let alpha = try float("alpha", 1)
            return { max(0, $0) + min(0, alpha * expm1($0 / alpha)) }
        case "HardSigmoid":
            let (alpha, beta) = (try float("alpha", 0.2), try float("beta", 0.5))
            return { max(0, min(1, alpha * $0 + beta)) }
        case "ThresholdedRelu":
            let alpha = try float("alpha", 1)
            return { $0 > alpha ? $0 : $0.isNaN ? $0 : 0 }
        case "Shrink":
            let (bias, limit) = (try float("bias", 0), try float("lambd", 0.5))
            return { $0 < -limit ? $0 + bias : $0 > limit ? $0 - bias : $0.isNaN ? $0 : 0 }
        case "Swish":
            let alpha = try float("alpha", 1)
            return { $0 / (1 + exp(-alpha * $0)) }
        case "Gelu":
            let approximation = try node.string("approximate", default: "none")
            guard ["none", "tanh"].contains(approximation) else {
                throw node.error(
                    .invalidGraph, "attribute 'approximate' is '\(approximation)', expected none or tanh")
            }
            if approximation == "none" { return { 0.5 * $0 * (1 + erf($0 * 0.5.squareRoot())) } }
            return { x in 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) }
        default: return nil
        }
    }

    static let names = Set(plain.keys).union(["Celu", "ThresholdedRelu", "Shrink", "Swish"])

    private static let plain: [String: Body] = [
        "Abs": { abs($0) }, "Acos": { acos($0) }, "Acosh": { acosh($0) }, "Asin": { asin($0) },
        "Asinh": { asinh($0) }, "Atan": { atan($0) }, "Atanh": { atanh($0) }, "Ceil": { $0.rounded(.up) },
        "Cos": { cos($0) }, "Cosh": { cosh($0) }, "Erf": { erf($0) }, "Exp": { exp($0) },
        "Floor": { $0.rounded(.down) }, "HardSwish": { $0 * max(0, min(1, $0 / 6 + 0.5)) }, "Log": { log($0) },
        "Mish": { $0 * tanh(log1p(exp(-abs($0))) + max($0, 0)) }, "Neg": { -$0 }, "Reciprocal": { 1 / $0 },
        "Relu": { $0 < 0 ? 0 : $0 }, "Round": { $0.rounded(.toNearestOrEven) },
        "Sigmoid": { 1 / (1 + exp(-$0)) }, "Sign": { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }, "Sin": { sin($0) },
        "Sinh": { sinh($0) }, "Softplus": { max($0, 0) + log1p(exp(-abs($0))) }, "Softsign": { $0 / (1 + abs($0)) },
        "Sqrt": { $0.squareRoot() }, "Tan": { tan($0) }, "Tanh": { tanh($0) },
    ]
}

/// A function applied to each element of any number type, in binary64 and rounded once. 64-bit integers beyond 2^53 lose
/// their last bits, save in Abs, Neg, Sign and Relu.
struct FunctionOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let function: ScalarFunction.Body
    private let name: String

    init(_ node: inout NodeReader) throws(GraphError) {
        name = node.node.node.operatorType
        guard let function = try ScalarFunction.make(&node) else {
            throw node.error(.unsupported, "unknown elementwise function")
        }
        self.function = function
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        [try operands.type(0, in: ElementType.numeric)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitNumeric(
            outputs[0].elementType, Visitor(function: function, name: name, count: outputs[0].shape.elementCount))
    }

    private struct Visitor: NumericVisitor {
        let function: ScalarFunction.Body
        let name: String
        let count: Int

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (function, count) = (function, count)
            let exact: (@Sendable (Element) -> Element)? =
                switch name {
                case "Abs": { $0 < .zero ? Element.zero.subtracting($0) : $0 }
                case "Neg": { Element.zero.subtracting($0) }
                case "Sign": { $0 > .zero ? .one : $0 < .zero ? Element.zero.subtracting(.one) : .zero }
                case "Relu": { $0 < .zero ? .zero : $0 }
                default: nil
                }
            if let exact, !Element.isFloatingPoint {
                return Kernel(placement: .inPlace([0])) { arguments in
                    let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Element.self))
                    for index in 0..<count { y[index] = exact(x[index]) }
                }
            }
            return Kernel(placement: .inPlace([0])) { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Element.self))
                for index in 0..<count { y[index] = Element(rounding: function(x[index].double)) }
            }
        }
    }
}
