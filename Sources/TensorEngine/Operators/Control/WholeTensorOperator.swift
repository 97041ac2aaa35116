/// An operator that computes whole tensors instead of having a kernel for known shapes: what it makes follows from its
/// operands' values. A graph with one whose operands are not all constants is interpreted.
protocol WholeTensorOperator: Operator {
    /// - Parameter operands: every one that is present with its value.
    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor]
}

extension WholeTensorOperator {
    static var admitsEmpty: Bool { true }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        throw operands.error(.valueUnknown, "its outputs depend on values that are computed at run time")
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        throw operands.error(.valueUnknown, "its outputs depend on values that are computed at run time")
    }
}

extension Operands {
    /// Whether every operand's value is known.
    var areKnown: Bool { inputs.allSatisfy { $0 == nil || $0?.constant != nil } }

    /// A boolean scalar.
    func condition(_ index: Int) throws(GraphError) -> Bool {
        let value = try constant(index, meaning: "condition")
        guard value.elementType == .bool, value.shape.elementCount == 1 else {
            throw error(
                .shapeMismatch,
                "condition '\(try operand(index).name)' is \(value.elementType.rawValue) \(value.shape), expected one bool"
            )
        }
        return value.withElements(Bool.self) { $0[0] }
    }
}
