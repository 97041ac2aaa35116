import CTensorKernels

/// The activation functions of ONNX's recurrent operators, by their names in the attribute `activations`.
enum RecurrentActivation: String, Sendable, CaseIterable {
    case sigmoid = "Sigmoid"
    case tanh = "Tanh"
    case relu = "Relu"
    case affine = "Affine"
    case leakyRelu = "LeakyRelu"
    case thresholdedRelu = "ThresholdedRelu"
    case scaledTanh = "ScaledTanh"
    case hardSigmoid = "HardSigmoid"
    case elu = "Elu"
    case softsign = "Softsign"
    case softplus = "Softplus"

    /// By name, whose case does not matter.
    init?(named name: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() }) else {
            return nil
        }
        self = found
    }

    private var function: mk_gate_function {
        switch self {
        case .sigmoid: MK_GATE_SIGMOID
        case .tanh: MK_GATE_TANH
        case .relu: MK_GATE_RELU
        case .affine: MK_GATE_AFFINE
        case .leakyRelu: MK_GATE_LEAKY_RELU
        case .thresholdedRelu: MK_GATE_THRESHOLDED_RELU
        case .scaledTanh: MK_GATE_SCALED_TANH
        case .hardSigmoid: MK_GATE_HARD_SIGMOID
        case .elu: MK_GATE_ELU
        case .softsign: MK_GATE_SOFTSIGN
        case .softplus: MK_GATE_SOFTPLUS
        }
    }

    /// Alpha where the function has one, with its default.
    private var alpha: Float? {
        switch self {
        case .affine, .thresholdedRelu, .scaledTanh, .elu: 1
        case .leakyRelu: 0.01
        case .hardSigmoid: 0.2
        case .sigmoid, .tanh, .relu, .softsign, .softplus: nil
        }
    }

    private var beta: Float? {
        switch self {
        case .affine: 0
        case .scaledTanh: 1
        case .hardSigmoid: 0.5
        default: nil
        }
    }

    /// The function with its parameters, which it takes from the fronts of the lists.
    func gate(_ alphas: inout ArraySlice<Float>, _ betas: inout ArraySlice<Float>) -> mk_gate {
        mk_gate(
            function: function, alpha: alpha.map { alphas.popFirst() ?? $0 } ?? 0,
            beta: beta.map { betas.popFirst() ?? $0 } ?? 0)
    }
}
