/// Tensors of one type and shape that become one along a new axis.
struct SlicesAlongAxis {
    private var slices: [Tensor] = []
    private var elementCount = 0

    /// - Throws: ``GraphError`` when it differs from those before, or all together are too large.
    mutating func append(_ slice: Tensor, _ operands: Operands) throws(GraphError) {
        guard slice.elementType != .string else {
            throw operands.error(.unsupported, "an output of its steps is of strings, supported are numbers")
        }
        if let first = slices.first {
            guard first.elementType == slice.elementType, first.shape == slice.shape else {
                throw operands.error(
                    .shapeMismatch,
                    "an output is \(first.elementType.rawValue) \(first.shape) in one step and "
                        + "\(slice.elementType.rawValue) \(slice.shape) in another")
            }
        }
        elementCount += slice.shape.elementCount
        guard elementCount <= operands.options.maximumTensorElementCount else {
            throw operands.error(
                .limitExceeded,
                "an output has more than the \(operands.options.maximumTensorElementCount) elements that are allowed")
        }
        slices.append(slice)
    }

    func joined(axis: Int, reversed: Bool, _ operands: Operands) throws(GraphError) -> Tensor {
        guard let first = slices.first else {
            // How large the slices would have been, nobody knows.
            return Tensor(zeros: .float32, shape: [0])
        }
        let axis = try operands.normalizedAxis(axis, rank: first.shape.rank + 1)
        let stacked = Tensor(
            first.elementType, shape: try operands.makeShape([slices.count] + first.shape.dimensions)
        ) { target in
            var offset = 0
            for slice in reversed ? slices.reversed() : slices {
                slice.withBytes { bytes in
                    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
                    target.baseAddress.map { ($0 + offset).copyMemory(from: source, byteCount: bytes.count) }
                    offset += bytes.count
                }
            }
        }
        if axis == 0 { return stacked }
        var order = Array(1...first.shape.rank)
        order.insert(0, at: axis)
        guard let moved = stacked.transposed(order) else {
            throw operands.error(.shapeMismatch, "axis \(axis) does not fit \(first.shape)")
        }
        return moved
    }
}

extension Tensor {
    /// The elements at one position of an axis, without that axis.
    func slice(axis: Int, at position: Int, _ operands: Operands) throws(GraphError) -> Tensor {
        guard elementType != .string else {
            throw operands.error(.unsupported, "an operand to be read in slices is of strings, supported are numbers")
        }
        var extents = shape.dimensions
        guard axis < extents.count, position < extents[axis] else {
            throw operands.error(.shapeMismatch, "position \(position) of axis \(axis) is outside of \(shape)")
        }
        let outer = extents[..<axis].reduce(1, *)
        let inner = extents[(axis + 1)...].reduce(1, *) * elementType.byteCount
        let stride = extents[axis] * inner
        extents.remove(at: axis)
        return Tensor(elementType, shape: try operands.makeShape(extents)) { target in
            withBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress, inner > 0 else { return }
                for index in 0..<outer {
                    (to + index * inner).copyMemory(from: from + index * stride + position * inner, byteCount: inner)
                }
            }
        }
    }
}
