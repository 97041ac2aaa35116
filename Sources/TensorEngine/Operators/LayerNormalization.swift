import CTensorKernels

/// LayerNormalization (opset 17): mean 0 and variance 1 over the axes from `axis` on, then `Scale` and `B`. Statistics
/// of the vector kernel in float32.
///
/// SkipLayerNormalization, the engine's own, takes a second operand of the input's shape and normalizes their sum.
struct LayerNormalizationOperator: Operator {
    private let axis: Int
    private let epsilon: Float
    private let skips: Bool
    /// For other types than float32, and for the statistics as outputs.
    private let general: StatisticsOperator

    init(_ node: inout NodeReader) throws(GraphError) {
        general = try StatisticsOperator(&node)
        axis = try node.int("axis", default: -1)
        epsilon = try node.float("epsilon", default: 1e-5)
        skips = node.node.node.operatorType == "SkipLayerNormalization"
    }

    private var scaleIndex: Int { skips ? 2 : 1 }

    /// Whether the vector kernel applies.
    private func isPlain(_ operands: Operands) throws(GraphError) -> Bool {
        guard !skips else { return true }
        let type = try operands.type(0)
        let axis = try operands.normalizedAxis(axis, rank: type.shape.rank)
        let length = type.shape.dimensions[axis...].reduce(1, *)
        guard type.elementType == .float32, !operands.hasOutput(1), !operands.hasOutput(2) else { return false }
        for index in 1...2 where operands.has(index) {
            guard try operands.shape(index).elementCount == length else { return false }
        }
        return true
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        guard try isPlain(operands) else { return try general.outputTypes(operands) }
        let type = try operands.type(0, among: .float32)
        let axis = try operands.normalizedAxis(axis, rank: type.shape.rank)
        if skips {
            let residual = try operands.type(1, among: .float32)
            guard residual == type else {
                throw operands.error(.shapeMismatch, "the operands are \(type) and \(residual), expected one shape")
            }
        }
        let length = type.shape.dimensions[axis...].reduce(1, *)
        for index in [scaleIndex, scaleIndex + 1] where operands.has(index) {
            let shape = try operands.type(index, among: .float32).shape
            guard shape.elementCount == length else {
                let name = index == scaleIndex ? "Scale" : "B"
                throw operands.error(.shapeMismatch, "\(name) has shape \(shape), expected \(length) elements")
            }
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard try isPlain(operands) else { return try general.kernel(operands, outputs: outputs) }
        let shape = outputs[0].shape
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        let rows = shape.dimensions[..<axis].reduce(1, *)
        let length = shape.dimensions[axis...].reduce(1, *)
        let (kernels, skips, epsilon, scaleIndex) = (operands.kernels, skips, epsilon, scaleIndex)
        let hasShift = operands.has(scaleIndex + 1)
        return Kernel(placement: .inPlace(skips ? [0, 1] : [0])) { arguments in
            let shift: UnsafePointer<Float>? = hasShift ? arguments.input(scaleIndex + 1) : nil
            let residual: UnsafePointer<Float>? = skips ? arguments.input(1) : nil
            kernels.functions.layer_norm(
                arguments.input(0), residual, arguments.output(0), rows, length, arguments.input(scaleIndex), shift,
                epsilon)
        }
    }
}
