import CTensorKernels

/// Elementwise functions of one operand; of float32 by vector kernels. Their accuracy (tested against float64): Exp within 2 ulp, the functions built
/// on it within 4; the others round once or twice. Relu, LeakyRelu and Clip pass NaN on.
struct UnaryOperator: Operator {
    static let names: Set<String> = [
        "Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Softplus", "Softsign", "HardSigmoid", "Selu", "Exp", "Sqrt",
        "Neg", "Abs",
    ]

    private let operation: mk_unary
    private let alpha: Float
    private let beta: Float
    /// For other element types than float32.
    private let general: FunctionOperator

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        general = try FunctionOperator(&node)
        var parameters: (Float, Float) = (0, 0)
        switch node.node.node.operatorType {
        case "Relu": operation = MK_UNARY_RELU
        case "LeakyRelu":
            operation = MK_UNARY_LEAKY_RELU
            parameters.0 = try node.float("alpha", default: 0.01)
        case "Elu":
            operation = MK_UNARY_ELU
            parameters.0 = try node.float("alpha", default: 1)
        case "Selu":
            operation = MK_UNARY_SELU
            parameters.0 = try node.float("alpha", default: 1.67326319217681884765625)
            parameters.1 = try node.float("gamma", default: 1.05070102214813232421875)
        case "HardSigmoid":
            operation = MK_UNARY_HARD_SIGMOID
            parameters.0 = try node.float("alpha", default: 0.2)
            parameters.1 = try node.float("beta", default: 0.5)
        case "Sigmoid": operation = MK_UNARY_SIGMOID
        case "Tanh": operation = MK_UNARY_TANH
        case "Softplus": operation = MK_UNARY_SOFTPLUS
        case "Softsign": operation = MK_UNARY_SOFTSIGN
        case "Exp": operation = MK_UNARY_EXP
        case "Sqrt": operation = MK_UNARY_SQRT
        case "Neg": operation = MK_UNARY_NEGATE
        case "Abs": operation = MK_UNARY_ABS
        default: throw node.error(.unsupported, "unknown elementwise function")
        }
        (alpha, beta) = parameters
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        try general.outputTypes(operands)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard outputs[0].elementType == .float32 else { return try general.kernel(operands, outputs: outputs) }
        let (operation, alpha, beta) = (operation, alpha, beta)
        let kernels = operands.kernels
        let count = outputs[0].shape.elementCount
        return Kernel(placement: .inPlace([0])) { arguments in
            kernels.functions.unary(operation, arguments.input(0), arguments.output(0), count, alpha, beta)
        }
    }
}
