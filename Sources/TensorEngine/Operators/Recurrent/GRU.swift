import CTensorKernels

/// GRU (opset 7, 14, 22) of float32 and, slower, float64; gates in the order update, reset, hidden. With
/// `linear_before_reset` the reset gate is applied after the recurrent product, otherwise before, which takes two
/// products a step.
struct GRUOperator: Operator {
    private let attributes: RecurrentAttributes
    private let isLinearBeforeReset: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try RecurrentAttributes(&node, defaults: [.sigmoid, .tanh])
        isLinearBeforeReset = try node.bool("linear_before_reset", default: false)
    }

    private func shape(_ operands: Operands) throws(GraphError) -> RecurrentShape {
        try RecurrentShape(
            attributes, operands, gates: 3, hasState: false, types: Operands.gradientTypes)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        try shape(operands).outputTypes(operands)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try shape(operands)
        if shape.elementType == .float64 {
            return try RecurrentTraining(.gru(resetsAfter: isLinearBeforeReset), attributes)
                .doubleKernel(shape, operands)
        }
        return isLinearBeforeReset
            ? try RecurrentKernel(ResetAfterCell(), attributes, shape, operands).kernel
            : try RecurrentKernel(ResetBeforeCell(), attributes, shape, operands).kernel
    }

    private struct ResetAfterCell: RecurrentCell {
        var hasState: Bool { false }
        func products(hidden: Int) -> [Range<Int>] { [0..<3 * hidden] }
        func separateBias(hidden: Int) -> Range<Int>? { 2 * hidden..<3 * hidden }

        func advance(_ step: RecurrentStep) {
            step.multiply(step.hidden, step.weights.first, n: 3 * step.units, bias: step.bias, into: step.product)
            step.kernels.functions.gru_step(
                step.cell, step.rows, step.units, step.projected, step.projectedStride, step.product, step.hidden)
        }
    }

    private struct ResetBeforeCell: RecurrentCell {
        var hasState: Bool { false }
        func products(hidden: Int) -> [Range<Int>] { [0..<2 * hidden, 2 * hidden..<3 * hidden] }
        func separateBias(hidden: Int) -> Range<Int>? { nil }

        func advance(_ step: RecurrentStep) {
            step.multiply(step.hidden, step.weights.first, n: 2 * step.units, into: step.product)
            step.kernels.functions.gru_gates(
                step.cell, step.rows, step.units, step.projected, step.projectedStride, step.product, step.hidden,
                step.reset)
            step.multiply(step.reset, step.weights.second, n: step.units, into: step.candidate)
            step.kernels.functions.gru_update(
                step.cell, step.rows, step.units, step.projected, step.projectedStride, step.product, step.candidate,
                step.hidden)
        }
    }
}
