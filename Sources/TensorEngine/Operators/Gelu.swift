import CTensorKernels

/// Gelu (opset 20): `x * Φ(x)` with the normal distribution's Φ, or its tanh approximation. Within 12 ulp for x ≥ -1; below,
/// the error grows with `x²` as that of `exp(-x² / 2)` does.
struct GeluOperator: Operator {
    private let approximates: Bool
    /// For other element types than float32.
    private let general: FunctionOperator

    init(_ node: inout NodeReader) throws(GraphError) {
        general = try FunctionOperator(&node)
        let approximation = try node.string("approximate", default: "none")
        guard ["none", "tanh"].contains(approximation) else {
            throw node.error(.invalidGraph, "attribute 'approximate' is '\(approximation)', expected none or tanh")
        }
        approximates = approximation == "tanh"
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        [try operands.type(0, in: ElementType.floatingPoint)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard outputs[0].elementType == .float32 else { return try general.kernel(operands, outputs: outputs) }
        let (kernels, approximates) = (operands.kernels, approximates)
        let count = outputs[0].shape.elementCount
        return Kernel(placement: .inPlace([0])) { arguments in
            kernels.functions.gelu(approximates ? 1 : 0, arguments.input(0), arguments.output(0), count)
        }
    }
}
