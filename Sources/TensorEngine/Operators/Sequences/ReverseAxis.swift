/// ReverseAxis, this engine's own: the elements of one axis (attribute `axis`) in the opposite order, of every type.
struct ReverseAxisOperator: Operator {
    private let axis: Int

    init(_ node: inout NodeReader) throws(GraphError) { axis = try node.int("axis", default: 1) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        _ = try operands.normalizedAxis(axis, rank: type.shape.rank)
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        let outer = shape.dimensions[..<axis].reduce(1, *)
        let extent = shape[axis]
        let bytes = shape.dimensions[(axis + 1)...].reduce(1, *) * outputs[0].elementType.byteCount
        return Kernel { arguments in
            let (source, target) = (arguments.rawInput(0), arguments.rawOutput(0))
            for index in 0..<outer {
                for position in 0..<extent {
                    (target + (index * extent + position) * bytes).copyMemory(
                        from: source + (index * extent + extent - 1 - position) * bytes, byteCount: bytes)
                }
            }
        }
    }
}
