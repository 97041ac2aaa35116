import CTensorKernels

/// Transpose (opset 1, 13, 21) of every element type; without `perm` the axes are reversed.
struct TransposeOperator: Operator {
    static var strings: StringHandling { .moved }
    private let permutation: [Int]?

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        permutation = try node.ints("perm")
    }

    private func axes(_ operands: Operands) throws(GraphError) -> [Int] {
        let rank = try operands.shape(0).rank
        guard let permutation else { return (0..<rank).reversed() }
        guard permutation.sorted() == Array(0..<rank) else {
            throw operands.error(
                .shapeMismatch, "perm is \(permutation), expected a permutation of \(rank) axes")
        }
        return permutation
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let dimensions = try axes(operands).map { type.shape[$0] }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let strides = Broadcasting.rowMajorStrides(shape.dimensions)
        var extents: [Int] = []
        var steps: [Int] = []
        for axis in try axes(operands) where shape[axis] != 1 {
            // Axes that stay neighbours are one.
            if let last = steps.last, last == strides[axis] * shape[axis] {
                extents[extents.count - 1] *= shape[axis]
                steps[steps.count - 1] = strides[axis]
            } else {
                extents.append(shape[axis])
                steps.append(strides[axis])
            }
        }
        if steps.isEmpty || steps == [1] { return .alias }
        let size = outputs[0].elementType.byteCount
        let (finalExtents, finalSteps) = (extents, steps)
        return Kernel { arguments in
            mk_strided_copy(
                size, finalExtents.count, finalExtents, finalSteps, arguments.rawInput(0), arguments.rawOutput(0))
        }
    }
}
