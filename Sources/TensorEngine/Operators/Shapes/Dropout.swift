/// Dropout (opset 7 to 22) at inference, where it changes nothing; its mask is all true. In training mode it draws, which is
/// no function of the model and its input, and is refused.
struct DropoutOperator: Operator {
    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        _ = try node.float("ratio", default: 0.5)
        _ = try node.int("seed", default: 0)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        if operands.has(2), try operands.condition(2) {
            let ratio = operands.has(1) ? try operands.constant(1, meaning: "ratio") : nil
            let draws = ratio?.converted(to: .float64)?.withElements(Double.self) { $0.first != 0 } ?? true
            guard !draws else { throw operands.error(.unsupported, "training_mode is true, supported: false") }
        }
        let type = try operands.type(0)
        return operands.present([type, TensorType(elementType: .bool, shape: type.shape)])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard operands.hasOutput(1) else { return .alias }
        let bytes = outputs[0].shape.elementCount * outputs[0].elementType.byteCount
        let count = outputs[0].shape.elementCount
        return Kernel { arguments in
            arguments.rawOutput(0).copyMemory(from: arguments.rawInput(0), byteCount: bytes)
            let mask = arguments.output(1, as: Bool.self)
            for index in 0..<count { mask[index] = true }
        }
    }
}
