/// AsMatrix, the engine's own: all axes before the last as one, `[..., N]` to `[M, N]`. It costs nothing at run time.
struct AsMatrixOperator: Operator {
    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let dimensions = type.shape.dimensions
        let rows = dimensions.dropLast().reduce(1, *)
        return [
            TensorType(elementType: type.elementType, shape: try operands.makeShape([rows, dimensions.last ?? 1]))
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel { .alias }
}
