import Glibc

/// Pow (opset 7 to 15), Mod (opset 10 to 28), BitShift (opset 11) and BitwiseAnd, BitwiseOr, BitwiseXor (opset 18) with
/// multidirectional broadcasting. Integer powers wrap around; a remainder by zero, which ONNX leaves open, is zero.
struct ArithmeticOperator: Operator {
    static let names = ["Pow", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"]
    static var admitsEmpty: Bool { true }

    private enum Function: Sendable { case power, remainder, floatRemainder, shiftLeft, shiftRight, and, or, xor }
    private let function: Function

    init(_ node: inout NodeReader) throws(GraphError) {
        switch node.node.node.operatorType {
        case "Pow": function = .power
        case "Mod": function = try node.bool("fmod", default: false) ? .floatRemainder : .remainder
        case "BitwiseAnd": function = .and
        case "BitwiseOr": function = .or
        case "BitwiseXor": function = .xor
        default:
            let direction = try node.string("direction", default: "")
            guard ["LEFT", "RIGHT"].contains(direction) else {
                throw node.error(.invalidGraph, "attribute 'direction' is '\(direction)', expected LEFT or RIGHT")
            }
            function = direction == "LEFT" ? .shiftLeft : .shiftRight
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type: ElementType
        switch function {
        case .power:
            type = try operands.type(0, in: ElementType.numeric).elementType
            _ = try operands.type(1, in: ElementType.numeric)
        case .remainder, .floatRemainder:
            type = try operands.type(0, in: ElementType.numeric).elementType
            _ = try operands.type(1, among: type)
        default:
            type = try operands.type(0, in: ElementType.numeric.filter { !$0.isFloatingPoint }).elementType
            _ = try operands.type(1, among: type)
        }
        return [TensorType(elementType: type, shape: try operands.broadcastShape(0..<2))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (a, b) = (try operands.type(0), try operands.type(1))
        if a.elementType.isFloatingPoint || b.elementType.isFloatingPoint {
            return try floatKernel(a, b, outputs[0], operands)
        }
        let visitor = IntegerVisitor(function: function, a: a.shape, b: b, output: outputs[0].shape)
        return try operands.visitNumeric(a.elementType, visitor)
    }

    /// In binary64, rounded once.
    private func floatKernel(
        _ a: TensorType, _ b: TensorType, _ output: TensorType, _ operands: Operands
    ) throws(GraphError) -> Kernel {
        let combine: @Sendable (Double, Double) -> Double
        switch function {
        case .power: combine = { $1 == 2 ? $0 * $0 : pow($0, $1) }
        case .floatRemainder: combine = { fmod($0, $1) }
        default:
            // The divisor's sign, as Python's (opset 28).
            combine = { x, y in
                let rest = fmod(x, y)
                if rest == 0 { return Double(signOf: y, magnitudeOf: 0) }
                return (rest < 0) != (y < 0) ? rest + y : rest
            }
        }
        return try operands.visitNumeric(
            a.elementType, OuterVisitor(a: a.shape, b: b, output: output.shape, combine: combine))
    }

    private struct OuterVisitor: NumericVisitor {
        let a: Shape
        let b: TensorType
        let output: Shape
        let combine: @Sendable (Double, Double) -> Double

        func visit<A: NumericElement>(_ type: A.Type) -> Kernel {
            // The exponent's type is checked to be a number.
            b.elementType.visitNumeric(InnerVisitor<A>(outer: self)) ?? .alias
        }
    }

    private struct InnerVisitor<A: NumericElement>: NumericVisitor {
        let outer: OuterVisitor

        func visit<B: NumericElement>(_ type: B.Type) -> Kernel {
            let combine = outer.combine
            return BroadcastKernel.make(outer.a, outer.b.shape, output: outer.output) { (x: A, y: B) in
                A(rounding: combine(x.double, y.double))
            }
        }
    }

    private struct IntegerVisitor: NumericVisitor {
        let function: Function
        let a: Shape
        let b: TensorType
        let output: Shape

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            switch type {
            case let type as any (FixedWidthInteger & NumericElement).Type: integers(type)
            default: .alias
            }
        }

        private func integers<Element: FixedWidthInteger & NumericElement>(_ type: Element.Type) -> Kernel {
            func make(_ combine: @escaping @Sendable (Element, Element) -> Element) -> Kernel {
                BroadcastKernel.make(a, b.shape, output: output, combine)
            }
            switch function {
            case .power:
                return b.elementType.visitNumeric(ExponentVisitor<Element>(a: a, b: b.shape, output: output)) ?? .alias
            case .remainder:
                return make { x, y in
                    if y == 0 { return 0 }
                    let rest = x.remainderReportingOverflow(dividingBy: y).partialValue
                    return rest != 0 && (rest < 0) != (y < 0) ? rest &+ y : rest
                }
            case .floatRemainder:
                return make { $1 == 0 ? 0 : $0.remainderReportingOverflow(dividingBy: $1).partialValue }
            // A negative count is one beyond the width (opset 28), not a shift the other way.
            case .shiftLeft: return make { $1 < 0 ? 0 : $0 << $1 }
            case .shiftRight: return make { $1 < 0 ? ($0 < 0 ? ~0 : 0) : $0 >> $1 }
            case .and: return make { $0 & $1 }
            case .or: return make { $0 | $1 }
            case .xor: return make { $0 ^ $1 }
            }
        }
    }

    private struct ExponentVisitor<Base: FixedWidthInteger & NumericElement>: NumericVisitor {
        let (a, b, output): (Shape, Shape, Shape)

        func visit<Exponent: NumericElement>(_ type: Exponent.Type) -> Kernel {
            BroadcastKernel.make(a, b, output: output) { (base: Base, exponent: Exponent) in
                let count = Int(exponent.double)
                // A fraction of an integer: only ±1 have one.
                if count < 0 { return base == 1 ? 1 : base.double == -1 ? (count % 2 == 0 ? 1 : base) : 0 }
                var (result, factor, rest): (Base, Base, Int) = (1, base, count)
                while rest > 0 {
                    if rest & 1 == 1 { result = result &* factor }
                    factor = factor &* factor
                    rest >>= 1
                }
                return result
            }
        }
    }
}

/// BitwiseNot (opset 18).
struct BitwiseNotOperator: Operator {
    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        [try operands.type(0, in: ElementType.numeric.filter { !$0.isFloatingPoint })]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let bytes = outputs[0].shape.elementCount * outputs[0].elementType.byteCount
        return Kernel(placement: .inPlace([0])) { arguments in
            let (x, y) = (arguments.input(0, as: UInt8.self), arguments.output(0, as: UInt8.self))
            for index in 0..<bytes { y[index] = ~x[index] }
        }
    }
}
