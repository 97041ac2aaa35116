/// ArgMax and ArgMin (opset 7 to 13): the first index of the extremum, or the last; NaN is neither.
struct ArgExtremumOperator: Operator {
    private let isMax: Bool
    private let axis: Int
    private let keeps: Bool
    private let takesLast: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isMax = node.node.node.operatorType == "ArgMax"
        axis = try node.int("axis", default: 0)
        keeps = try node.bool("keepdims", default: true)
        takesLast = try node.bool("select_last_index", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric)
        let axis = try operands.normalizedAxis(axis, rank: type.shape.rank)
        guard type.shape[axis] > 0 else {
            throw operands.error(.shapeMismatch, "axis \(axis) of \(type.shape) has no elements")
        }
        var dimensions = type.shape.dimensions
        if keeps { dimensions[axis] = 1 } else { dimensions.remove(at: axis) }
        return [TensorType(elementType: .int64, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let axis = try operands.normalizedAxis(axis, rank: type.shape.rank)
        let visitor = Visitor(
            isMax: isMax, takesLast: takesLast, rows: AxisRows(type.shape, axis: axis))
        return try operands.visitNumeric(type.elementType, visitor)
    }

    private struct Visitor: NumericVisitor {
        let isMax: Bool
        let takesLast: Bool
        let rows: AxisRows

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (isMax, takesLast, rows) = (isMax, takesLast, rows)
            return Kernel { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Int64.self))
                for row in 0..<rows.count {
                    let start = rows.start(row)
                    var best = 0
                    for index in 1..<max(rows.length, 1) {
                        let (value, held) = (x[start + index * rows.stride], x[start + best * rows.stride])
                        if (isMax ? value > held : value < held) || (takesLast && value == held) { best = index }
                    }
                    y[row] = Int64(best)
                }
            }
        }
    }
}

/// The rows of a tensor along one axis.
struct AxisRows: Sendable {
    let length: Int
    /// Elements from one of a row to its next.
    let stride: Int
    let count: Int

    init(_ shape: Shape, axis: Int) {
        length = shape[axis]
        stride = shape.dimensions[(axis + 1)...].reduce(1, *)
        count = shape.dimensions[..<axis].reduce(1, *) * stride
    }

    /// Where a row begins.
    func start(_ row: Int) -> Int { row / stride * stride * length + row % stride }
}

/// CumSum (opset 11, 14) and CumProd (opset 26). Floats accumulate in their own type, from the first element on.
struct CumulativeOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let isProduct: Bool
    private let isExclusive: Bool
    private let isReversed: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isProduct = node.node.node.operatorType == "CumProd"
        isExclusive = try node.bool("exclusive", default: false)
        isReversed = try node.bool("reverse", default: false)
    }

    private func axis(_ operands: Operands) throws(GraphError) -> Int {
        let axes = try operands.constantIntegers(1, meaning: "axis")
        guard axes.count == 1 else {
            throw operands.error(.shapeMismatch, "axis has \(axes.count) elements, expected 1")
        }
        return try operands.normalizedAxis(axes[0], rank: try operands.shape(0).rank)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        _ = try axis(operands)
        return [try operands.type(0, in: ElementType.numeric)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let visitor = Visitor(
            isProduct: isProduct, isExclusive: isExclusive, isReversed: isReversed,
            rows: AxisRows(outputs[0].shape, axis: try axis(operands)))
        return try operands.visitNumeric(outputs[0].elementType, visitor)
    }

    private struct Visitor: NumericVisitor {
        let isProduct: Bool
        let isExclusive: Bool
        let isReversed: Bool
        let rows: AxisRows

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (isProduct, isExclusive, isReversed, rows) = (isProduct, isExclusive, isReversed, rows)
            return Kernel { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Element.self))
                for row in 0..<(rows.length == 0 ? 0 : rows.count) {
                    let start = rows.start(row)
                    var total: Element = isProduct ? .one : .zero
                    for step in 0..<rows.length {
                        let place = start + (isReversed ? rows.length - 1 - step : step) * rows.stride
                        let next = isProduct ? total.multiplied(by: x[place]) : total.adding(x[place])
                        y[place] = isExclusive ? total : next
                        total = next
                    }
                }
            }
        }
    }
}
