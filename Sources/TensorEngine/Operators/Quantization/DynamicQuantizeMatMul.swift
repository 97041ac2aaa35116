import CTensorKernels

/// DynamicQuantizeMatMul, the engine's own: `activation(x · Wᵀ + b)` over the last axis of `x [..., K]` with 8-bit weights.
///
/// Inputs: `x` float32, `W` int8 `[N, K]`, a scale for each of its rows (float32 `[N]`), an optional bias (float32 `[N]`).
/// Each row of `x` is quantised by its own largest magnitude, symmetrically, so that its result does not depend on the
/// rows beside it; the product is exact in 32 bits and the same on every instruction set. A row with NaN or infinity is all
/// NaN. The attribute `activation` is Linear's.
struct DynamicQuantizeMatMulOperator: Operator {
    /// Above, 127² · K leaves 32 bits.
    static let maximumDepth = Int(Int32.max) / (127 * 127)
    /// Rows that are quantised at a time.
    private static let block = 64

    private let activation: LinearOperator.Activation
    private let fused: FusedActivation

    init(_ node: inout NodeReader) throws(GraphError) {
        activation = try LinearOperator.activation(&node)
        fused = node.node.activation
    }

    private func extents(_ operands: Operands) throws(GraphError) -> (m: Int, n: Int, k: Int) {
        let x = try operands.type(0, among: .float32).shape
        let weights = try operands.type(1, among: .int8).shape
        guard x.rank >= 1, weights.rank == 2, x[x.rank - 1] == weights[1] else {
            throw operands.error(.shapeMismatch, "operands do not fit: \(x) × \(weights), expected [..., K] and [N, K]")
        }
        guard weights[1] <= Self.maximumDepth else {
            throw operands.error(.limitExceeded, "K is \(weights[1]), at most \(Self.maximumDepth) allowed")
        }
        return (x.dimensions.dropLast().reduce(1, *), weights[0], weights[1])
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (_, n, _) = try extents(operands)
        for (index, name) in [(2, "scales"), (3, "bias")] where operands.has(index) || index == 2 {
            let shape = try operands.type(index, among: .float32).shape
            guard shape.dimensions == [n] else {
                throw operands.error(.shapeMismatch, "\(name) has shape \(shape), expected [\(n)]")
            }
        }
        let leading = try operands.shape(0).dimensions.dropLast()
        return [TensorType(elementType: .float32, shape: try operands.makeShape(Array(leading) + [n]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (m, n, k) = try extents(operands)
        let operand = try operands.operand(1)
        guard let constant = operand.constant, operand.isGraphConstant else {
            throw operands.error(.unsupported, "weights '\(operand.name)' are computed, expected a constant")
        }
        let packed: Tensor
        do throws(TensorError) {
            packed = try operands.packedWeights.int8Matrix(operand.name, of: constant, k: k, n: n)
        } catch {
            throw operands.error(.limitExceeded, error.description)
        }
        let (kernels, activation) = (operands.kernels, activation)
        let fused = activation == .relu ? FusedActivation.relu : fused
        let hasBias = operands.has(3)
        let rows = min(m, Self.block)
        let rowBytes = (k + 1) / 2 * 4
        return Kernel(scratchByteCount: rows * (rowBytes + 4)) { arguments in
            var epilogue = fused.epilogue
            if hasBias { epilogue.column_bias = arguments.input(3, as: Float.self) }
            let x = arguments.input(0, as: Float.self)
            let y = arguments.output(0, as: Float.self)
            let scales = arguments.scratch(as: Float.self)
            let quantized = UnsafeMutableRawPointer(scales + rows).assumingMemoryBound(to: Int16.self)
            packed.withElements(Int8.self) { weights in
                for first in stride(from: 0, to: m, by: rows) {
                    let count = min(rows, m - first)
                    kernels.functions.quantize_rows(x + first * k, count, k, quantized, scales)
                    kernels.functions.gemm_int8(
                        count, n, k, quantized, scales, weights.baseAddress, arguments.input(2), y + first * n, n,
                        &epilogue)
                }
            }
            activation.finish(y, count: m * n, kernels)
        }
    }
}
