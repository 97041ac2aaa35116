/// Max and Min (opset 8, 12, 13) of two float32 operands with multidirectional broadcasting; NaN in either is NaN.
struct ExtremumOperator: Operator {
    private let isMax: Bool

    init(_ node: inout NodeReader) throws(GraphError) { isMax = node.node.node.operatorType == "Max" }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let a = try operands.type(0, among: .float32).shape
        let b = try operands.type(1, among: .float32).shape
        guard let dimensions = Broadcasting.shape(a.dimensions, b.dimensions) else {
            throw operands.error(.shapeMismatch, "shapes do not broadcast: \(a) and \(b)")
        }
        return [TensorType(elementType: .float32, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let loop = BroadcastLoop(
            try operands.shape(0).dimensions, try operands.shape(1).dimensions, output: outputs[0].shape.dimensions)
        let isMax = isMax
        return Kernel { arguments in
            let (a, b) = (arguments.input(0, as: Float.self), arguments.input(1, as: Float.self))
            let output = arguments.output(0, as: Float.self)
            loop.forEachRow { row, aOffset, bOffset in
                for index in 0..<loop.count {
                    let x = a[aOffset + index * loop.aStep]
                    let y = b[bOffset + index * loop.bStep]
                    output[row * loop.count + index] =
                        x.isNaN || y.isNaN ? .nan : isMax ? max(x, y) : min(x, y)
                }
            }
        }
    }
}
