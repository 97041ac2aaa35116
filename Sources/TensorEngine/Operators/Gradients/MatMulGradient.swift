import CTensorKernels

/// MatMulGradient, the engine's own: the gradient of MatMul's operand `a` or `b` (attribute `operand` 0 or 1) from `flow`,
/// `a` and `b`, of every rank that MatMul takes, summed over the matrices that an operand was broadcast to.
///
/// `∂a = flow · bᵀ` and `∂b = aᵀ · flow`; one right matrix for all left rows is one product, with no batch in between.
struct MatMulGradientOperator: Operator {
    private let isRight: Bool

    init(_ node: inout NodeReader) throws(GraphError) { isRight = try node.bool("operand", default: false) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let a = try operands.type(1, among: flow.elementType)
        let b = try operands.type(2, among: flow.elementType)
        let product = try MatrixProduct(a.shape, b.shape, operands)
        guard flow.shape.dimensions == product.outputDimensions else {
            throw operands.error(
                .shapeMismatch, "the gradient is \(flow.shape), the operands are \(a.shape) × \(b.shape)")
        }
        return [isRight ? b : a]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let product = try MatrixProduct(try operands.shape(1), try operands.shape(2), operands)
        if outputs[0].elementType == .float64 {
            return isRight ? Self.rightDoubles(product, outputs[0]) : Self.leftDoubles(product, outputs[0])
        }
        return isRight
            ? try rightKernel(product, outputs[0], operands) : try leftKernel(product, outputs[0], operands)
    }

    /// For each product: whether an earlier one has written the matrix that it is to be added to.
    private static func repeats(_ places: [Int]) -> [Bool] {
        var seen = Set<Int>()
        return places.map { !seen.insert($0).inserted }
    }

    private func leftKernel(
        _ product: MatrixProduct, _ output: TensorType, _ operands: Operands
    ) throws(GraphError) -> Kernel {
        let (m, n, k, pairs) = (product.m, product.n, product.k, product.pairs)
        let kernels = operands.kernels
        let repeats = Self.repeats(pairs.map(\.left))
        let size = try operands.packedElementCount(k: n, n: k)
        let extra = repeats.contains(true) ? m * k : 0
        return Kernel(scratchByteCount: (size + extra) * 4) { arguments in
            let (flow, b) = (arguments.input(0, as: Float.self), arguments.input(2, as: Float.self))
            let output = arguments.output(0, as: Float.self)
            let packed = arguments.scratch(as: Float.self)
            var epilogue = FusedActivation.none.epilogue
            var last = -1
            for (index, pair) in pairs.enumerated() {
                if last != pair.right {
                    mk_pack(b + pair.right * k * n, 1, n, n, k, kernels.panelWidth, 1, packed)
                    last = pair.right
                }
                let target = output + pair.left * m * k
                let result = repeats[index] ? packed + size : target
                kernels.functions.gemm(m, k, n, flow + index * m * n, n, packed, result, k, &epilogue)
                if repeats[index] { kernels.functions.binary_f32(MK_ADD, target, 1, result, 1, target, m * k) }
            }
        }
    }

    private func rightKernel(
        _ product: MatrixProduct, _ output: TensorType, _ operands: Operands
    ) throws(GraphError) -> Kernel {
        let (m, n, k, pairs) = (product.m, product.n, product.k, product.pairs)
        let kernels = operands.kernels
        let repeats = Self.repeats(pairs.map(\.right))
        let size = try operands.packedElementCount(k: m, n: n)
        let extra = repeats.contains(true) ? k * n : 0
        return Kernel(scratchByteCount: (size + m * k + extra) * 4) { arguments in
            let (flow, a) = (arguments.input(0, as: Float.self), arguments.input(1, as: Float.self))
            let output = arguments.output(0, as: Float.self)
            let packed = arguments.scratch(as: Float.self)
            let transposed = packed + size
            var epilogue = FusedActivation.none.epilogue
            for (index, pair) in pairs.enumerated() {
                mk_transpose(a + pair.left * m * k, m, k, transposed)
                mk_pack(flow + index * m * n, n, 1, m, n, kernels.panelWidth, 1, packed)
                let target = output + pair.right * k * n
                let result = repeats[index] ? transposed + m * k : target
                kernels.functions.gemm(k, n, m, transposed, m, packed, result, n, &epilogue)
                if repeats[index] { kernels.functions.binary_f32(MK_ADD, target, 1, result, 1, target, k * n) }
            }
        }
    }

    private static func leftDoubles(_ product: MatrixProduct, _ output: TensorType) -> Kernel {
        let (m, n, k, pairs) = (product.m, product.n, product.k, product.pairs)
        let count = output.shape.elementCount
        return Kernel { arguments in
            let (flow, b) = (arguments.input(0, as: Double.self), arguments.input(2, as: Double.self))
            let output = arguments.output(0, as: Double.self)
            output.update(repeating: 0, count: count)
            for (index, pair) in pairs.enumerated() {
                for row in 0..<m {
                    for column in 0..<k {
                        let (left, right) = (flow + (index * m + row) * n, b + (pair.right * k + column) * n)
                        output[(pair.left * m + row) * k + column] += Double.sum(n) { left[$0] * right[$0] }
                    }
                }
            }
        }
    }

    private static func rightDoubles(_ product: MatrixProduct, _ output: TensorType) -> Kernel {
        let (m, n, k, pairs) = (product.m, product.n, product.k, product.pairs)
        let count = output.shape.elementCount
        return Kernel { arguments in
            let (flow, a) = (arguments.input(0, as: Double.self), arguments.input(1, as: Double.self))
            let output = arguments.output(0, as: Double.self)
            output.update(repeating: 0, count: count)
            for (index, pair) in pairs.enumerated() {
                for row in 0..<m {
                    for column in 0..<k {
                        let factor = a[(pair.left * m + row) * k + column]
                        let (source, target) = (flow + (index * m + row) * n, output + (pair.right * k + column) * n)
                        for place in 0..<n { target[place] += factor * source[place] }
                    }
                }
            }
        }
    }
}
