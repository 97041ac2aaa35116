/// Concat (opset 4, 11, 13) of every element type.
struct ConcatOperator: Operator {
    static var strings: StringHandling { .moved }
    private let axis: Int

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        guard node.node.node.attributes["axis"] != nil else {
            throw node.error(.invalidGraph, "attribute 'axis' is missing")
        }
        axis = try node.int("axis", default: 0)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let first = try operands.type(0)
        let axis = try operands.normalizedAxis(axis, rank: first.shape.rank)
        var dimensions = first.shape.dimensions
        for index in 1..<max(operands.count, 1) {
            let next = try operands.type(index, among: first.elementType)
            var rest = next.shape.dimensions
            guard rest.count == dimensions.count else {
                throw operands.error(.shapeMismatch, "input \(index) is \(next.shape), input 0 is \(first.shape)")
            }
            let (sum, overflow) = dimensions[axis].addingReportingOverflow(rest[axis])
            rest[axis] = first.shape[axis]
            guard rest == first.shape.dimensions, !overflow else {
                throw operands.error(
                    .shapeMismatch,
                    "input \(index) is \(next.shape), input 0 is \(first.shape): they differ outside axis \(axis)")
            }
            dimensions[axis] = sum
        }
        return [TensorType(elementType: first.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        let size = outputs[0].elementType.byteCount
        let outer = shape.dimensions[..<axis].reduce(1, *)
        let inner = shape.dimensions[(axis + 1)...].reduce(1, *)
        var widths: [Int] = []
        for index in 0..<operands.count { widths.append(try operands.shape(index)[axis] * inner * size) }
        let (rowWidth, pieces) = (widths.reduce(0, +), widths)
        return Kernel { arguments in
            var offset = 0
            for (index, width) in pieces.enumerated() {
                guard width > 0 else { continue }
                let source = arguments.rawInput(index)
                let target = arguments.rawOutput(0) + offset
                for row in 0..<outer {
                    (target + row * rowWidth).copyMemory(from: source + row * width, byteCount: width)
                }
                offset += width
            }
        }
    }
}
