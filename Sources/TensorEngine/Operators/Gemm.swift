import CTensorKernels

/// Gemm (opset 7, 9, 11, 13): `Y = alpha * A' * B' + beta * C`, C optional and broadcast to `[M, N]`.
struct GemmOperator: Operator {
    private let alpha: Float
    private let beta: Float
    private let transposesA: Bool
    private let transposesB: Bool
    private let activation: FusedActivation

    init(_ node: inout NodeReader) throws(GraphError) {
        alpha = try node.float("alpha", default: 1)
        beta = try node.float("beta", default: 1)
        transposesA = try node.bool("transA", default: false)
        transposesB = try node.bool("transB", default: false)
        activation = node.node.activation
    }

    private func extents(_ operands: Operands) throws(GraphError) -> (m: Int, n: Int, k: Int) {
        let a = try operands.shape(0)
        let b = try operands.shape(1)
        guard a.rank == 2, b.rank == 2 else {
            throw operands.error(.shapeMismatch, "operands are \(a) × \(b), expected two dimensions each")
        }
        let m = transposesA ? a[1] : a[0]
        let k = transposesA ? a[0] : a[1]
        let n = transposesB ? b[0] : b[1]
        guard (transposesB ? b[1] : b[0]) == k else {
            let flags = "transA \(transposesA ? 1 : 0), transB \(transposesB ? 1 : 0)"
            throw operands.error(.shapeMismatch, "operands do not fit: \(a) × \(b) (\(flags))")
        }
        return (m, n, k)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric).elementType
        _ = try operands.type(1, among: type)
        let (m, n, _) = try extents(operands)
        if operands.has(2) {
            let c = try operands.type(2, among: type).shape
            guard c.rank <= 2, Broadcasting.shape(c.dimensions, [m, n]) == [m, n] else {
                throw operands.error(.shapeMismatch, "C has shape \(c), which does not broadcast to [\(m), \(n)]")
            }
        }
        return [TensorType(elementType: type, shape: try operands.makeShape([m, n]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        if outputs[0].elementType == .float64 { return try doubleKernel(operands) }
        guard outputs[0].elementType == .float32 else { return try generalKernel(operands, outputs[0]) }
        let (m, n, k) = try extents(operands)
        let kernels = operands.kernels
        let (transposesA, transposesB, alpha, activation) = (transposesA, transposesB, alpha, activation)
        let bias = try constantBias(operands, n: n)
        let isRow = bias == nil ? try hasRow(operands, n: n) : false
        let addend =
            bias == nil && operands.has(2) && !isRow ? try Addend(operands, beta: beta, m: m, n: n) : nil
        let size = try operands.packedElementCount(k: k, n: n)
        let weights = try operands.packed(1, transposed: transposesB, scale: alpha, k: k, n: n, count: 1)
        let scratchA = transposesA ? m * k : 0
        let scratchB = weights == nil ? size : 0
        let scratchCount = scratchA + scratchB + (addend == nil ? 0 : n)
        return Kernel(scratchByteCount: scratchCount * 4) { arguments in
            var a = arguments.input(0, as: Float.self)
            if transposesA {
                let transposed = arguments.scratch(as: Float.self)
                mk_transpose(a, k, m, transposed)
                a = UnsafePointer(transposed)
            }
            let c = arguments.output(0, as: Float.self)
            var epilogue = addend == nil ? activation.epilogue : FusedActivation.none.epilogue
            if isRow { epilogue.column_bias = arguments.input(2, as: Float.self) }
            func multiply(_ packed: UnsafePointer<Float>) {
                guard let bias else {
                    kernels.functions.gemm(m, n, k, a, k, packed, c, n, &epilogue)
                    return
                }
                bias.withElements(Float.self) {
                    epilogue.column_bias = $0.baseAddress
                    kernels.functions.gemm(m, n, k, a, k, packed, c, n, &epilogue)
                }
            }
            if let weights {
                weights.withElements(Float.self) { if let base = $0.baseAddress { multiply(base) } }
            } else {
                let packed = arguments.scratch(as: Float.self) + scratchA
                mk_pack(
                    arguments.input(1), transposesB ? 1 : n, transposesB ? k : 1, k, n, kernels.panelWidth, alpha,
                    packed)
                multiply(packed)
            }
            if let addend {
                let row = arguments.scratch(as: Float.self) + scratchA + scratchB
                addend.add(arguments.input(2), to: c, row: row, kernels)
                activation.apply(kernels, to: c, count: m * n)
            }
        }
    }

    /// Whether C, computed at run time, is one row that is added as it is.
    private func hasRow(_ operands: Operands, n: Int) throws(GraphError) -> Bool {
        guard operands.has(2), beta == 1 else { return false }
        let shape = try operands.shape(2)
        return shape.elementCount == n && shape.dimensions.last == n
    }

    /// `beta * C` as a row of n elements, when C is a constant that is alike for all rows.
    private func constantBias(_ operands: Operands, n: Int) throws(GraphError) -> Tensor? {
        guard operands.has(2) else { return nil }
        let operand = try operands.operand(2)
        let shape = operand.type.shape
        guard let constant = operand.constant, shape.rank < 2 || shape[0] == 1 else { return nil }
        let strides = Broadcasting.strides(of: shape.dimensions, broadcastTo: [1, n])
        let beta = beta
        let rowShape = try operands.makeShape([n])
        return Tensor(.float32, shape: rowShape) { target in
            let row = target.assumingMemoryBound(to: Float.self)
            constant.withElements(Float.self) { source in
                for column in 0..<n { row[column] = beta * source[column * strides[1]] }
            }
        }
    }

    private func generalKernel(_ operands: Operands, _ output: TensorType) throws(GraphError) -> Kernel {
        let (m, n, k) = try extents(operands)
        var general = GeneralProduct(m: m, n: n, k: k, pairs: [(0, 0)])
        general.leftStrides = transposesA ? (1, m) : (k, 1)
        general.rightStrides = transposesB ? (1, k) : (n, 1)
        general.alpha = Double(alpha)
        if operands.has(2) {
            let strides = Broadcasting.strides(of: try operands.shape(2).dimensions, broadcastTo: [m, n])
            general.addend = (Double(beta), strides)
        }
        return try operands.visitNumeric(output.elementType, general)
    }

    private func doubleKernel(_ operands: Operands) throws(GraphError) -> Kernel {
        let (m, n, k) = try extents(operands)
        let (alpha, beta) = (Double(alpha), Double(beta))
        let aStrides = transposesA ? (1, m) : (k, 1)
        let bStrides = transposesB ? (1, k) : (n, 1)
        let hasC = operands.has(2)
        let cStrides =
            hasC ? Broadcasting.strides(of: try operands.shape(2).dimensions, broadcastTo: [m, n]) : [0, 0]
        return Kernel { arguments in
            let a = arguments.input(0, as: Double.self)
            let b = arguments.input(1, as: Double.self)
            let c = hasC ? arguments.input(2, as: Double.self) : nil
            let y = arguments.output(0, as: Double.self)
            for i in 0..<m {
                for j in 0..<n {
                    var sum = 0.0
                    for p in 0..<k {
                        sum += a[i * aStrides.0 + p * aStrides.1] * b[p * bStrides.0 + j * bStrides.1]
                    }
                    y[i * n + j] = alpha * sum + (c.map { beta * $0[i * cStrides[0] + j * cStrides[1]] } ?? 0)
                }
            }
        }
    }
}

/// A C operand that is not one constant row.
private struct Addend: Sendable {
    let beta: Float
    let m: Int
    let n: Int
    let rowStride: Int
    let columnStride: Int

    init(_ operands: Operands, beta: Float, m: Int, n: Int) throws(GraphError) {
        let strides = Broadcasting.strides(of: try operands.shape(2).dimensions, broadcastTo: [m, n])
        (self.beta, self.m, self.n) = (beta, m, n)
        (rowStride, columnStride) = (strides[0], strides[1])
    }

    func add(
        _ c: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, row: UnsafeMutablePointer<Float>,
        _ kernels: KernelTable
    ) {
        for i in 0..<m {
            for j in 0..<n { row[j] = beta * c[i * rowStride + j * columnStride] }
            kernels.functions.binary_f32(MK_ADD, y + i * n, 1, row, 1, y + i * n, n)
        }
    }
}
