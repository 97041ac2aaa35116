import CTensorKernels

/// LSTM (opset 7, 14, 22) of float32 and, slower, float64, with peepholes and coupled gates; gates in the order input,
/// output, forget, cell.
struct LSTMOperator: Operator {
    private let attributes: RecurrentAttributes
    private let couplesGates: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try RecurrentAttributes(&node, defaults: [.sigmoid, .tanh, .tanh])
        couplesGates = try node.bool("input_forget", default: false)
    }

    private func shape(_ operands: Operands) throws(GraphError) -> RecurrentShape {
        try RecurrentShape(
            attributes, operands, gates: 4, hasState: true, types: Operands.gradientTypes)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        try shape(operands).outputTypes(operands)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try shape(operands)
        guard shape.elementType == .float64 else {
            return try RecurrentKernel(Cell(), attributes, shape, operands, couplesGates: couplesGates).kernel
        }
        guard !couplesGates, !operands.has(RecurrentShape.Input.peepholes) else {
            throw operands.error(.unsupported, "peepholes or input_forget, supported of float64: neither")
        }
        return try RecurrentTraining(.lstm, attributes).doubleKernel(shape, operands)
    }

    private struct Cell: RecurrentCell {
        var hasState: Bool { true }
        func products(hidden: Int) -> [Range<Int>] { [0..<4 * hidden] }
        func separateBias(hidden: Int) -> Range<Int>? { nil }

        func advance(_ step: RecurrentStep) {
            step.multiply(step.hidden, step.weights.first, n: 4 * step.units, into: step.product)
            step.kernels.functions.lstm_step(
                step.cell, step.rows, step.units, step.projected, step.projectedStride, step.product, step.state,
                step.hidden)
        }
    }
}
