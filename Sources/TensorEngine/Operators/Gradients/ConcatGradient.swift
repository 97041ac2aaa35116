/// ConcatGradient, the engine's own: the gradients of the inputs of Concat (attribute `axis`), from that of the output and
/// the inputs, which are read for their shapes alone.
struct ConcatGradientOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int

    init(_ node: inout NodeReader) throws(GraphError) { axis = try node.int("axis", default: 0) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let axis = try operands.normalizedAxis(axis, rank: flow.shape.rank)
        var types: [TensorType] = []
        var sum = 0
        for index in 1..<operands.count {
            let type = try operands.type(index, among: flow.elementType)
            types.append(type)
            var expected = flow.shape.dimensions
            if axis < type.shape.rank { expected[axis] = type.shape[axis] }
            guard type.shape.dimensions == expected else {
                throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), input \(index) \(type.shape)")
            }
            sum += type.shape[axis]
        }
        guard sum == flow.shape[axis], operands.node.node.outputs.count <= types.count else {
            throw operands.error(
                .shapeMismatch, "the gradient is \(flow.shape), the inputs have \(sum) of axis \(axis)")
        }
        return operands.present(types)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let flow = try operands.type(0)
        let axis = try operands.normalizedAxis(axis, rank: flow.shape.rank)
        let outer = flow.shape.dimensions[..<axis].reduce(1, *)
        let inner = flow.shape.dimensions[(axis + 1)...].reduce(1, *) * flow.elementType.byteCount
        let rowBytes = flow.shape[axis] * inner
        var parts: [(output: Int, offset: Int, byteCount: Int)] = []
        var offset = 0
        for (index, type) in outputs.enumerated() {
            let bytes = type.shape[axis] * inner
            if operands.hasOutput(index), bytes > 0 { parts.append((index, offset, bytes)) }
            offset += bytes
        }
        return Kernel { [parts] arguments in
            for part in parts {
                for row in 0..<outer {
                    (arguments.rawOutput(part.output) + row * part.byteCount).copyMemory(
                        from: arguments.rawInput(0) + row * rowBytes + part.offset, byteCount: part.byteCount)
                }
            }
        }
    }
}
