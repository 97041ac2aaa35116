/// Max, Min, Sum and Mean (opset 6 to 13) of any number of operands with multidirectional broadcasting, from left to right;
/// NaN in one is NaN. Add, Sub, Mul and Div of the types that ``BinaryOperator`` has no kernel for, and PRelu (opset 7 to 16).
struct VariadicOperator: Operator {
    static let names = ["Max", "Min", "Sum", "Mean"]
    static var admitsEmpty: Bool { true }

    private let name: String

    init(_ node: inout NodeReader) throws(GraphError) { name = node.node.node.operatorType }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let isOrder = name == "Max" || name == "Min"
        let isArithmetic = ["Add", "Sub", "Mul", "Div", "PRelu"].contains(name)
        let type = try operands.type(
            0, in: isOrder || isArithmetic ? ElementType.numeric : ElementType.floatingPoint
        ).elementType
        for index in 1..<max(operands.count, 1) { _ = try operands.type(index, among: type) }
        let shape = try operands.broadcastShape(0..<operands.count)
        if name == "PRelu", shape != (try operands.shape(0)) {
            throw operands.error(
                .shapeMismatch, "slope \(try operands.shape(1)) does not broadcast to \(try operands.shape(0))")
        }
        return [TensorType(elementType: type, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let target = outputs[0].shape.dimensions
        var walks: [StridedWalk] = []
        for index in 0..<operands.count {
            let strides = Broadcasting.strides(of: try operands.shape(index).dimensions, broadcastTo: target)
            walks.append(StridedWalk(target, strides: strides))
        }
        return try operands.visitNumeric(outputs[0].elementType, Visitor(name: name, walks: walks))
    }

    private struct Visitor: NumericVisitor {
        let name: String
        let walks: [StridedWalk]

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let combine: @Sendable (Element, Element) -> Element =
                switch name {
                case "Max": { $0.isNotANumber ? $0 : $1.isNotANumber || $1 > $0 ? $1 : $0 }
                case "Min": { $0.isNotANumber ? $0 : $1.isNotANumber || $1 < $0 ? $1 : $0 }
                case "Sub": { $0.subtracting($1) }
                case "Mul": { $0.multiplied(by: $1) }
                case "Div": { $0.divided(by: $1) }
                case "PRelu": { $0 < .zero ? $0.multiplied(by: $1) : $0 }
                default: { $0.adding($1) }
                }
            let divisor: Element? = name == "Mean" ? Element(integer: walks.count) : nil
            return Kernel { [walks] arguments in
                let y = arguments.output(0, as: Element.self)
                let first = arguments.input(0, as: Element.self)
                walks[0].forEach { y[$0] = first[$1] }
                for (index, walk) in walks.enumerated().dropFirst() {
                    let x = arguments.input(index, as: Element.self)
                    walk.forEach { y[$0] = combine(y[$0], x[$1]) }
                }
                if let divisor { for index in 0..<walks[0].count { y[index] = y[index].divided(by: divisor) } }
            }
        }
    }
}
