/// MaskSteps, this engine's own: the input [batch, steps, …] with zeros in the steps whose mask [batch, steps] is 0.
/// Unlike a product it drops NaN and infinity.
struct MaskStepsOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, among: .float32, .float64)
        let mask = try operands.type(1, among: .float32).shape
        guard mask.rank <= type.shape.rank, Array(type.shape.dimensions.prefix(mask.rank)) == mask.dimensions else {
            throw operands.error(.shapeMismatch, "the mask is \(mask), the input \(type.shape)")
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let steps = try operands.shape(1).elementCount
        let features = steps == 0 ? 0 : outputs[0].shape.elementCount / steps
        let bytes = features * outputs[0].elementType.byteCount
        return Kernel { arguments in
            let source = arguments.rawInput(0)
            let mask = arguments.input(1, as: Float.self)
            let target = arguments.rawOutput(0)
            for step in 0..<steps {
                if mask[step] == 0 {
                    // Zero of every floating-point type.
                    (target + step * bytes).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
                } else {
                    (target + step * bytes).copyMemory(from: source + step * bytes, byteCount: bytes)
                }
            }
        }
    }
}
