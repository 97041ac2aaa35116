/// TileGradient, the engine's own: the gradient of the input of Tile, from that of the output and the input, which is read
/// for its shape alone.
struct TileGradientOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0).shape
        let x = try operands.type(1, among: try operands.type(0).elementType)
        guard flow.rank == x.shape.rank,
            zip(flow.dimensions, x.shape.dimensions).allSatisfy({ $1 > 0 && $0 % $1 == 0 })
        else { throw operands.error(.shapeMismatch, "the gradient is \(flow), the input \(x.shape)") }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        // Each axis twice: which repeat, and where in it.
        let pairs = zip(try operands.shape(0).dimensions, outputs[0].shape.dimensions)
        return SumToShapeOperator.kernel(
            from: pairs.flatMap { [$0 / $1, $1] }, to: pairs.flatMap { [1, $1] }, outputs[0].elementType,
            operands.kernels)
    }
}
