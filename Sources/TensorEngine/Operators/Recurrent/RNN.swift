import CTensorKernels

/// RNN (opset 7, 14, 22) of float32 and, slower, float64: `H = f(X · Wᵀ + H · Rᵀ + Wb + Rb)`.
struct RNNOperator: Operator {
    private let attributes: RecurrentAttributes

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try RecurrentAttributes(&node, defaults: [.tanh])
    }

    private func shape(_ operands: Operands) throws(GraphError) -> RecurrentShape {
        try RecurrentShape(
            attributes, operands, gates: 1, hasState: false, types: Operands.gradientTypes)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        try shape(operands).outputTypes(operands)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try shape(operands)
        if shape.elementType == .float64 {
            return try RecurrentTraining(.rnn, attributes).doubleKernel(shape, operands)
        }
        return try RecurrentKernel(Cell(), attributes, shape, operands).kernel
    }

    private struct Cell: RecurrentCell {
        var hasState: Bool { false }
        func products(hidden: Int) -> [Range<Int>] { [0..<hidden] }
        func separateBias(hidden: Int) -> Range<Int>? { nil }

        func advance(_ step: RecurrentStep) {
            step.multiply(step.hidden, step.weights.first, n: step.units, into: step.product)
            step.kernels.functions.rnn_step(
                step.cell, step.rows, step.units, step.projected, step.projectedStride, step.product, step.hidden)
        }
    }
}
