import CTensorKernels

/// Linear, the engine's own: `activation(x · W + b)` over the last axis of `x [..., K]`. `W` is `[N, K]`, or `[K, N]` with
/// `transposed` 0; the activation is one of none, relu, gelu, gelu_tanh and tanh.
///
/// One operator instead of a transposition, a product, a sum and a function, so that weights stay as their file has them.
struct LinearOperator: Operator {
    enum Activation: String, Sendable {
        case none, relu, gelu, tanh
        case geluTanh = "gelu_tanh"

        /// Applies what the product's epilogue does not.
        func finish(_ y: UnsafeMutablePointer<Float>, count: Int, _ kernels: KernelTable) {
            switch self {
            case .none, .relu: break
            case .gelu: kernels.functions.gelu(0, y, y, count)
            case .geluTanh: kernels.functions.gelu(1, y, y, count)
            case .tanh: kernels.functions.unary(MK_UNARY_TANH, y, y, count, 0, 0)
            }
        }
    }

    /// Reads the attribute `activation`.
    static func activation(_ node: inout NodeReader) throws(GraphError) -> Activation {
        let name = try node.string("activation", default: "none")
        guard let activation = Activation(rawValue: name) else {
            throw node.error(.unsupported, "activation '\(name)', supported: none, relu, gelu, gelu_tanh, tanh")
        }
        return activation
    }

    private let isTransposed: Bool
    private let activation: Activation

    init(_ node: inout NodeReader) throws(GraphError) {
        isTransposed = try node.bool("transposed", default: true)
        activation = try Self.activation(&node)
    }

    private func extents(_ operands: Operands) throws(GraphError) -> (m: Int, n: Int, k: Int) {
        let x = try operands.type(0, among: .float32).shape
        let weights = try operands.type(1, among: .float32).shape
        guard x.rank >= 1, weights.rank == 2 else {
            throw operands.error(.shapeMismatch, "operands are \(x) × \(weights), expected [..., K] and two dimensions")
        }
        let n = weights[isTransposed ? 0 : 1]
        let k = weights[isTransposed ? 1 : 0]
        guard x[x.rank - 1] == k else {
            throw operands.error(
                .shapeMismatch, "operands do not fit: \(x) × \(weights), expected a last extent of \(k)")
        }
        return (x.dimensions.dropLast().reduce(1, *), n, k)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (_, n, _) = try extents(operands)
        if operands.has(2) {
            let bias = try operands.type(2, among: .float32).shape
            guard bias.elementCount == n else {
                throw operands.error(.shapeMismatch, "bias has shape \(bias), expected [\(n)]")
            }
        }
        let leading = try operands.shape(0).dimensions.dropLast()
        return [TensorType(elementType: .float32, shape: try operands.makeShape(Array(leading) + [n]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (m, n, k) = try extents(operands)
        let (kernels, activation, isTransposed) = (operands.kernels, activation, isTransposed)
        let hasBias = operands.has(2)
        let size = try operands.packedElementCount(k: k, n: n)
        let weights = try operands.packed(1, transposed: isTransposed, scale: 1, k: k, n: n, count: 1)
        return Kernel(scratchByteCount: weights == nil ? size * 4 : 0) { arguments in
            var epilogue = (activation == .relu ? FusedActivation.relu : .none).epilogue
            if hasBias { epilogue.column_bias = arguments.input(2, as: Float.self) }
            let x = arguments.input(0, as: Float.self)
            let y = arguments.output(0, as: Float.self)
            if let weights {
                weights.withElements(Float.self) { packed in
                    guard let base = packed.baseAddress else { return }
                    kernels.functions.gemm(m, n, k, x, k, base, y, n, &epilogue)
                }
            } else {
                let packed = arguments.scratch(as: Float.self)
                mk_pack(
                    arguments.input(1), isTransposed ? 1 : n, isTransposed ? k : 1, k, n, kernels.panelWidth, 1, packed)
                kernels.functions.gemm(m, n, k, x, k, packed, y, n, &epilogue)
            }
            activation.finish(y, count: m * n, kernels)
        }
    }
}
