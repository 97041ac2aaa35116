/// StepMask, this engine's own: 1 where a step is to be read, 0 where it is padding, as float32 [batch, steps]. A step of
/// [batch, steps, features] is read when any feature differs from the attribute `value`; an identifier of [batch, steps]
/// when it does.
struct StepMaskOperator: Operator {
    private let value: Float

    init(_ node: inout NodeReader) throws(GraphError) { value = try node.float("value", default: 0) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try operands.type(0, among: .float32, .float64, .int32, .int64).shape
        guard shape.rank >= 2 else {
            throw operands.error(.shapeMismatch, "input is \(shape), expected at least [batch, steps]")
        }
        let kept = shape.rank == 2 ? shape.dimensions : Array(shape.dimensions.dropLast())
        return [TensorType(elementType: .float32, shape: try operands.makeShape(kept))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let features = type.shape.rank == 2 ? 1 : type.shape[type.shape.rank - 1]
        let count = outputs[0].shape.elementCount
        let value = value
        func body<Element: TensorElement & Equatable>(_ type: Element.Type, _ ignored: Element?) -> Kernel {
            Kernel { arguments in
                let source = arguments.input(0, as: Element.self)
                let target = arguments.output(0, as: Float.self)
                for step in 0..<count {
                    target[step] = (0..<features).contains { source[step * features + $0] != ignored } ? 1 : 0
                }
            }
        }
        switch type.elementType {
        case .int32: return body(Int32.self, Int32(exactly: value))
        case .int64: return body(Int64.self, Int64(exactly: value))
        case .float64: return body(Double.self, Double(value))
        default: return body(Float.self, value)
        }
    }
}
