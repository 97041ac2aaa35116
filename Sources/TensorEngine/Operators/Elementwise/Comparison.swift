/// Equal, Less, LessOrEqual, Greater and GreaterOrEqual (opset 7 to 19) with multidirectional broadcasting.
struct ComparisonOperator: Operator {
    static var strings: StringHandling { .moved }
    static let names = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]
    static var admitsEmpty: Bool { true }

    private let name: String

    init(_ node: inout NodeReader) throws(GraphError) { name = node.node.node.operatorType }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let allowed = name == "Equal" ? ElementType.numeric + [.bool, .string] : ElementType.numeric
        let type = try operands.type(0, in: allowed).elementType
        _ = try operands.type(1, among: type)
        return [TensorType(elementType: .bool, shape: try operands.broadcastShape(0..<2))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0).elementType
        let visitor = Visitor(
            name: name, a: try operands.shape(0), b: try operands.shape(1), output: outputs[0].shape)
        return try operands.visitNumeric(type == .bool ? .uint8 : type, visitor)
    }

    private struct Visitor: NumericVisitor {
        let name: String
        let (a, b, output): (Shape, Shape, Shape)

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            func make(_ compare: @escaping @Sendable (Element, Element) -> Bool) -> Kernel {
                BroadcastKernel.make(a, b, output: output, compare)
            }
            switch name {
            case "Equal": return make { $0 == $1 }
            case "Less": return make { $0 < $1 }
            case "LessOrEqual": return make { $0 <= $1 }
            case "Greater": return make { $0 > $1 }
            default: return make { $0 >= $1 }
            }
        }
    }
}

/// And, Or, Xor (opset 7) of booleans with multidirectional broadcasting.
struct LogicOperator: Operator {
    static let names = ["And", "Or", "Xor"]
    static var admitsEmpty: Bool { true }

    private let name: String

    init(_ node: inout NodeReader) throws(GraphError) { name = node.node.node.operatorType }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        for index in 0..<2 { _ = try operands.type(index, among: .bool) }
        return [TensorType(elementType: .bool, shape: try operands.broadcastShape(0..<2))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (a, b) = (try operands.shape(0), try operands.shape(1))
        func make(_ combine: @escaping @Sendable (Bool, Bool) -> Bool) -> Kernel {
            BroadcastKernel.make(a, b, output: outputs[0].shape, combine)
        }
        switch name {
        case "And": return make { $0 && $1 }
        case "Or": return make { $0 || $1 }
        default: return make { $0 != $1 }
        }
    }
}

/// Not (opset 1), IsNaN (opset 9 to 20) and IsInf (opset 10, 20).
struct PredicateOperator: Operator {
    static let names = ["Not", "IsNaN", "IsInf"]
    static var admitsEmpty: Bool { true }

    private let name: String
    private let (detectsNegative, detectsPositive): (Bool, Bool)

    init(_ node: inout NodeReader) throws(GraphError) {
        name = node.node.node.operatorType
        detectsNegative = name == "IsInf" ? try node.bool("detect_negative", default: true) : true
        detectsPositive = name == "IsInf" ? try node.bool("detect_positive", default: true) : true
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: name == "Not" ? [.bool] : ElementType.floatingPoint)
        return [TensorType(elementType: .bool, shape: type.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let count = type.shape.elementCount
        if name == "Not" {
            return Kernel(placement: .inPlace([0])) { arguments in
                let (x, y) = (arguments.input(0, as: Bool.self), arguments.output(0, as: Bool.self))
                for index in 0..<count { y[index] = !x[index] }
            }
        }
        let (isNaN, negative, positive) = (name == "IsNaN", detectsNegative, detectsPositive)
        return try operands.visitNumeric(
            type.elementType,
            Visitor(count: count) { value in
                isNaN ? value.isNaN : value.isInfinite && (value < 0 ? negative : positive)
            })
    }

    private struct Visitor: NumericVisitor {
        let count: Int
        let test: @Sendable (Double) -> Bool

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (count, test) = (count, test)
            return Kernel { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Bool.self))
                for index in 0..<count { y[index] = test(x[index].double) }
            }
        }
    }
}

/// Where (opset 9, 16) of every element type.
struct WhereOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        _ = try operands.type(0, among: .bool)
        let type = try operands.type(1).elementType
        _ = try operands.type(2, among: type)
        return [TensorType(elementType: type, shape: try operands.broadcastShape(0..<3))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let target = outputs[0].shape.dimensions
        var walks: [StridedWalk] = []
        for index in 0..<3 {
            let strides = Broadcasting.strides(of: try operands.shape(index).dimensions, broadcastTo: target)
            walks.append(StridedWalk(target, strides: strides))
        }
        func make<Bits: BitwiseCopyable & Sendable>(_ type: Bits.Type) -> Kernel {
            Kernel { [walks] arguments in
                let condition = arguments.input(0, as: Bool.self)
                let y = arguments.output(0, as: Bits.self)
                withUnsafeTemporaryAllocation(of: Bool.self, capacity: max(walks[0].count, 1)) { flags in
                    walks[0].forEach { flags[$0] = condition[$1] }
                    for (input, wanted) in [(1, true), (2, false)] {
                        let x = arguments.input(input, as: Bits.self)
                        walks[input].forEach { if flags[$0] == wanted { y[$0] = x[$1] } }
                    }
                }
            }
        }
        switch outputs[0].elementType.byteCount {
        case 1: return make(UInt8.self)
        case 2: return make(UInt16.self)
        case 4: return make(UInt32.self)
        default: return make(UInt64.self)
        }
    }
}
