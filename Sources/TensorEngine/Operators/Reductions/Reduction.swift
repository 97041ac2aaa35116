import Glibc

/// ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp and
/// ReduceSumSquare (opset 7 to 20; axes as attribute or input). Floats add up in binary64 in row-major order and are rounded
/// once; integers wrap around.
struct ReductionOperator: Operator {
    enum Function: String, CaseIterable, Sendable {
        case sum = "ReduceSum", mean = "ReduceMean", max = "ReduceMax", min = "ReduceMin", product = "ReduceProd"
        case l1 = "ReduceL1", l2 = "ReduceL2", logSum = "ReduceLogSum", logSumExp = "ReduceLogSumExp"
        case sumSquare = "ReduceSumSquare"
    }

    static var admitsEmpty: Bool { true }

    private let function: Function
    private let axes: [Int]?
    private let keeps: Bool
    private let isNoopWithoutAxes: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        guard let function = Function(rawValue: node.node.node.operatorType) else {
            throw node.error(.unsupported, "unknown reduction")
        }
        self.function = function
        axes = try node.ints("axes")
        keeps = try node.bool("keepdims", default: true)
        isNoopWithoutAxes = try node.bool("noop_with_empty_axes", default: false)
    }

    private func reducedAxes(_ operands: Operands) throws(GraphError) -> [Int] {
        let rank = try operands.shape(0).rank
        var list = axes ?? []
        if operands.has(1) { list = try operands.constantIntegers(1, meaning: "axes") }
        if list.isEmpty { return isNoopWithoutAxes ? [] : Array(0..<rank) }
        return try operands.normalizedAxes(list, rank: rank)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let isOrder = function == .max || function == .min
        let type = try operands.type(0, in: ElementType.numeric + (isOrder ? [.bool] : []))
        let axes = Set(try reducedAxes(operands))
        let dimensions = type.shape.dimensions.enumerated().compactMap { axis, extent -> Int? in
            axes.contains(axis) ? (keeps ? 1 : nil) : extent
        }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let axes = try reducedAxes(operands).sorted()
        let strides = Broadcasting.rowMajorStrides(shape.dimensions)
        let kept = shape.dimensions.indices.filter { !axes.contains($0) }
        // Neighbours among the reduced axes are one run.
        let visitor = Visitor(
            function: function, isBool: outputs[0].elementType == .bool,
            outer: StridedWalk(kept.map { shape[$0] }, strides: kept.map { strides[$0] }),
            inner: StridedWalk(axes.map { shape[$0] }, strides: axes.map { strides[$0] }))
        let type = outputs[0].elementType
        return try operands.visitNumeric(type == .bool ? .uint8 : type, visitor)
    }

    private struct Visitor: NumericVisitor {
        let function: Function
        let isBool: Bool
        let outer: StridedWalk
        let inner: StridedWalk

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (outer, inner) = (outer, inner)
            let reduce = reducer(type)
            return Kernel { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Element.self))
                outer.forEach { position, offset in y[position] = reduce(x + offset, inner) }
            }
        }

        private func reducer<Element: NumericElement>(
            _ type: Element.Type
        ) -> @Sendable (UnsafePointer<Element>, StridedWalk) -> Element {
            func fold(
                _ initial: Element, _ combine: @escaping @Sendable (Element, Element) -> Element
            ) -> @Sendable (UnsafePointer<Element>, StridedWalk) -> Element {
                { x, walk in
                    var result = initial
                    walk.forEach { result = combine(result, x[$1]) }
                    return result
                }
            }
            func total(
                _ initial: Double = 0, _ combine: @escaping @Sendable (Double, Double) -> Double = { $0 + $1 },
                _ finish: @escaping @Sendable (Double, Int) -> Double = { sum, _ in sum }
            ) -> @Sendable (UnsafePointer<Element>, StridedWalk) -> Element {
                { x, walk in
                    var result = initial
                    walk.forEach { result = combine(result, x[$1].double) }
                    return Element(rounding: finish(result, walk.count))
                }
            }
            switch function {
            case .max:
                return fold(.lowest) { $0.isNotANumber ? $0 : $1.isNotANumber || $1 > $0 ? $1 : $0 }
            case .min:
                // The greatest bool is 1.
                return fold(isBool ? .one : .highest) { $0.isNotANumber ? $0 : $1.isNotANumber || $1 < $0 ? $1 : $0 }
            case .sum where !Element.isFloatingPoint: return fold(.zero) { $0.adding($1) }
            case .product where !Element.isFloatingPoint: return fold(.one) { $0.multiplied(by: $1) }
            case .sumSquare where !Element.isFloatingPoint:
                return fold(.zero) { $0.adding($1.multiplied(by: $1)) }
            case .l1 where !Element.isFloatingPoint:
                return fold(.zero) { $1 < .zero ? $0.subtracting($1) : $0.adding($1) }
            case .sum: return total()
            case .product: return total(1, { $0 * $1 })
            case .mean: return total(0, { $0 + $1 }) { $0 / Double($1) }
            case .l1: return total(0, { $0 + abs($1) })
            case .l2: return total(0, { $0 + $1 * $1 }) { sum, _ in sum.squareRoot() }
            case .sumSquare: return total(0, { $0 + $1 * $1 })
            case .logSum: return total(0, { $0 + $1 }) { sum, _ in log(sum) }
            case .logSumExp:
                return { x, walk in
                    var largest = -Double.infinity
                    walk.forEach { largest = max(largest, x[$1].double) }
                    guard largest.isFinite else { return Element(rounding: largest) }
                    var sum = 0.0
                    walk.forEach { sum += exp(x[$1].double - largest) }
                    return Element(rounding: largest + log(sum))
                }
            }
        }
    }
}
