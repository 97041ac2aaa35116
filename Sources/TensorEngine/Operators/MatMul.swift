import CTensorKernels

/// MatMul (opset 1, 9, 13): the matrix product of NumPy's `matmul`, for every rank, batch dimensions broadcast.
/// After fusion a third operand is the bias vector of the last dimension.
struct MatMulOperator: Operator {
    private let activation: FusedActivation

    init(_ node: inout NodeReader) throws(GraphError) {
        self.activation = node.node.activation
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let a = try operands.type(0, in: ElementType.numeric)
        let b = try operands.type(1, among: a.elementType)
        let product = try MatrixProduct(a.shape, b.shape, operands)
        if operands.has(2) {
            let bias = try operands.shape(2)
            guard bias.elementCount == product.n else {
                throw operands.error(.shapeMismatch, "bias has shape \(bias), expected [\(product.n)]")
            }
        }
        return [TensorType(elementType: a.elementType, shape: try operands.makeShape(product.outputDimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let product = try MatrixProduct(try operands.shape(0), try operands.shape(1), operands)
        if outputs[0].elementType == .float64 { return doubleKernel(product, operands.kernels) }
        guard outputs[0].elementType == .float32 else {
            let general = GeneralProduct(m: product.m, n: product.n, k: product.k, pairs: product.pairs)
            return try operands.visitNumeric(outputs[0].elementType, general)
        }
        let (m, n, k) = (product.m, product.n, product.k)
        let kernels = operands.kernels
        let activation = activation
        let bias = operands.has(2)
        let size = try operands.packedElementCount(k: k, n: n)
        let weights = try operands.packed(1, transposed: false, scale: 1, k: k, n: n, count: product.rightCount)
        let pairs = product.pairs
        return Kernel(scratchByteCount: weights == nil ? size * 4 : 0) { arguments in
            var epilogue = activation.epilogue
            if bias { epilogue.column_bias = arguments.input(2, as: Float.self) }
            let a = arguments.input(0, as: Float.self)
            let c = arguments.output(0, as: Float.self)
            var lastPacked = -1
            for (index, pair) in pairs.enumerated() {
                let left = a + pair.left * m * k
                let target = c + index * m * n
                if let weights {
                    weights.withElements(Float.self) { packed in
                        guard let base = packed.baseAddress else { return }
                        kernels.functions.gemm(m, n, k, left, k, base + pair.right * size, target, n, &epilogue)
                    }
                } else {
                    let packed = arguments.scratch(as: Float.self)
                    if lastPacked != pair.right {
                        let right = arguments.input(1, as: Float.self) + pair.right * k * n
                        mk_pack(right, n, 1, k, n, kernels.panelWidth, 1, packed)
                        lastPacked = pair.right
                    }
                    kernels.functions.gemm(m, n, k, left, k, packed, target, n, &epilogue)
                }
            }
        }
    }

    private func doubleKernel(_ product: MatrixProduct, _ kernels: KernelTable) -> Kernel {
        let (m, n, k) = (product.m, product.n, product.k)
        let pairs = product.pairs
        return Kernel { arguments in
            let a = arguments.input(0, as: Double.self)
            let b = arguments.input(1, as: Double.self)
            let c = arguments.output(0, as: Double.self)
            for (index, pair) in pairs.enumerated() {
                kernels.functions.gemm_f64(m, n, k, a + pair.left * m * k, b + pair.right * k * n, c + index * m * n)
            }
        }
    }
}

/// The extents of a broadcast matrix product.
struct MatrixProduct: Sendable {
    var m: Int
    let n: Int
    let k: Int
    /// Which left and right matrix each output matrix multiplies.
    var pairs: [(left: Int, right: Int)]
    let rightCount: Int
    let outputDimensions: [Int]

    /// Matrices in one batched product: the plan lists them.
    private static let maximumMatrixCount = 1 << 20

    init(_ a: Shape, _ b: Shape, _ operands: Operands) throws(GraphError) {
        guard a.rank > 0, b.rank > 0 else {
            throw operands.error(.shapeMismatch, "operands are \(a) × \(b), expected at least one dimension each")
        }
        let left = a.rank == 1 ? [1] + a.dimensions : a.dimensions
        let right = b.rank == 1 ? b.dimensions + [1] : b.dimensions
        m = left[left.count - 2]
        k = left[left.count - 1]
        n = right[right.count - 1]
        let leftBatch = Array(left.dropLast(2))
        let rightBatch = Array(right.dropLast(2))
        guard right[right.count - 2] == k, let batch = Broadcasting.shape(leftBatch, rightBatch) else {
            throw operands.error(.shapeMismatch, "operands do not fit: \(a) × \(b)")
        }
        outputDimensions = batch + (a.rank == 1 ? [] : [m]) + (b.rank == 1 ? [] : [n])
        _ = try operands.makeShape(batch + [m, n])
        rightCount = rightBatch.reduce(1, *)
        if rightCount == 1 {
            // One right matrix: all left rows are one tall matrix.
            m *= batch.reduce(1, *)
            pairs = [(0, 0)]
        } else {
            let matrices = batch.reduce(1, *)
            guard matrices <= Self.maximumMatrixCount else {
                throw operands.error(
                    .limitExceeded, "\(matrices) matrices in a batch, at most \(Self.maximumMatrixCount) allowed")
            }
            let lefts = Broadcasting.indices(of: leftBatch, broadcastTo: batch)
            let rights = Broadcasting.indices(of: rightBatch, broadcastTo: batch)
            pairs = Array(zip(lefts, rights))
        }
    }
}

extension Operands {
    /// Floats that a packed `k × n` matrix takes.
    func packedElementCount(k: Int, n: Int) throws(GraphError) -> Int {
        do {
            return try PackedWeights.elementCount(k: k, n: n, panelWidth: kernels.panelWidth)
        } catch {
            throw self.error(.shapeMismatch, error.description)
        }
    }

    /// The packed matrices of a constant operand, or nil when it is computed at run time.
    func packed(
        _ index: Int, transposed: Bool, scale: Float, k: Int, n: Int, count: Int
    ) throws(GraphError) -> Tensor? {
        let operand = try operand(index)
        // A constant that follows from the plan's shapes is another one in the next plan.
        guard let constant = operand.constant, operand.isGraphConstant else { return nil }
        let layout = PackedWeights.Layout(value: operand.name, transposed: transposed, scaleBits: scale.bitPattern)
        do {
            return try packedWeights.matrices(layout, of: constant, k: k, n: n, count: count)
        } catch {
            throw self.error(.limitExceeded, error.description)
        }
    }
}
