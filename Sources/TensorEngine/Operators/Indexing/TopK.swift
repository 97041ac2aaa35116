/// TopK (opset 1 to 24): the greatest or least elements of an axis with their positions; of equal ones the first come first.
/// NaN counts as the greatest.
struct TopKOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int
    private let takesLargest: Bool
    private let count: Int?

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: -1)
        takesLargest = try node.bool("largest", default: true)
        _ = try node.bool("sorted", default: true)
        count = node.operatorSetVersion < 10 ? try node.int("k", default: -1) : nil
    }

    private func count(_ operands: Operands) throws(GraphError) -> Int {
        if let count { return count }
        let list = try operands.constantIntegers(1, meaning: "k")
        guard list.count == 1 else { throw operands.error(.shapeMismatch, "k has \(list.count) elements, expected 1") }
        return list[0]
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric)
        let axis = try operands.normalizedAxis(axis, rank: type.shape.rank)
        let count = try count(operands)
        guard (0...type.shape[axis]).contains(count) else {
            throw operands.error(.shapeMismatch, "k is \(count), expected 0 to \(type.shape[axis]) for axis \(axis)")
        }
        var dimensions = type.shape.dimensions
        dimensions[axis] = count
        let shape = try operands.makeShape(dimensions)
        return [
            TensorType(elementType: type.elementType, shape: shape), TensorType(elementType: .int64, shape: shape),
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        let visitor = Visitor(
            takesLargest: takesLargest, from: AxisRows(shape, axis: axis),
            to: AxisRows(outputs[0].shape, axis: axis))
        return try operands.visitNumeric(outputs[0].elementType, visitor)
    }

    private struct Visitor: NumericVisitor {
        let takesLargest: Bool
        let from: AxisRows
        let to: AxisRows

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (takesLargest, from, to) = (takesLargest, from, to)
            @Sendable func precedes(_ a: Element, _ b: Element) -> Bool {
                if a.isNotANumber || b.isNotANumber {
                    return takesLargest == a.isNotANumber && a.isNotANumber != b.isNotANumber
                }
                return takesLargest ? a > b : a < b
            }
            return Kernel { arguments in
                guard to.length > 0 else { return }
                let x = arguments.input(0, as: Element.self)
                let (y, places) = (arguments.output(0, as: Element.self), arguments.output(1, as: Int64.self))
                for row in 0..<from.count {
                    let start = from.start(row)
                    let order = TopKOperator.firstIndices(of: from.length, count: to.length) { a, b in
                        let (left, right) = (x[start + a * from.stride], x[start + b * from.stride])
                        if precedes(left, right) { return true }
                        return precedes(right, left) ? false : a < b
                    }
                    let target = to.start(row)
                    for index in 0..<to.length {
                        y[target + index * to.stride] = x[start + order[index] * from.stride]
                        places[target + index * to.stride] = Int64(order[index])
                    }
                }
            }
        }
    }

    /// The indices that come first of `0..<length`, in order, without sorting the others: few of a long row pass the
    /// last one kept.
    fileprivate static func firstIndices(of length: Int, count: Int, by precedes: (Int, Int) -> Bool) -> [Int] {
        var kept: [Int] = []
        var last: Int?
        for index in 0..<length {
            if let last, !precedes(index, last) { continue }
            kept.append(index)
            guard kept.count == 2 * count else { continue }
            kept.sort(by: precedes)
            kept.removeLast(count)
            last = kept[count - 1]
        }
        kept.sort(by: precedes)
        return Array(kept.prefix(count))
    }
}
