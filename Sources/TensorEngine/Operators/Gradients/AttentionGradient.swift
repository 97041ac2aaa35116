import CTensorKernels

/// AttentionGradient, the engine's own: the gradients of the operands of ScaledDotProductAttention without a cache. Operands
/// are its `Q`, `K`, `V` and `mask` as far as it has them, and as the fifth the gradient of the output; outputs are those of
/// Q, K and V, or the one of all three side by side. The weights are computed again, so that none are kept.
///
/// With weights `P` and the output's gradient `G`: `∂V = Pᵀ G`, `∂S = P · (G Vᵀ - rowsum(P · G Vᵀ))`, `∂Q = scale ∂S K`,
/// `∂K = scale ∂Sᵀ Q`.
struct AttentionGradientOperator: Operator {
    private let heads: Int
    private let isCausal: Bool
    private let scale: Float?

    init(_ node: inout NodeReader) throws(GraphError) {
        heads = try node.int("heads", default: 1)
        isCausal = try node.bool("causal", default: false)
        let scale = try node.float("scale", default: 0)
        self.scale = scale == 0 ? nil : scale
        guard heads >= 1 else { throw node.error(.invalidGraph, "attribute 'heads' is \(heads), expected at least 1") }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let extents = try AttentionExtents(operands.prefix(4), heads: heads)
        let flow = try operands.type(4, among: .float32).shape
        let outputCount = operands.node.node.outputs.count
        guard outputCount == (extents.isPacked ? 1 : 3) else {
            throw operands.error(.invalidGraph, "has \(outputCount) outputs, expected one for each of Q, K and V")
        }
        guard flow.dimensions == [extents.batch, extents.queries, extents.width] else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the queries are \(try operands.shape(0))")
        }
        let queries = try operands.type(0)
        guard !extents.isPacked else { return [queries] }
        return operands.present([queries, try operands.type(1), try operands.type(2)])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let extents = try AttentionExtents(operands.prefix(4), heads: heads)
        let (queries, keys, width) = (extents.queries, extents.keys, extents.headWidth)
        let (product, overflow) = queries.multipliedReportingOverflow(by: keys)
        guard !overflow, product <= 1 << 28 else {
            throw operands.error(.limitExceeded, "\(queries) queries × \(keys) keys are too many")
        }
        var packed = 0
        for (k, n) in [(width, keys), (queries, width), (keys, width)] {
            packed = max(packed, try operands.packedElementCount(k: k, n: n))
        }
        let run = AttentionGradientRun(
            extents: extents, kernels: operands.kernels, isCausal: isCausal,
            scale: scale ?? 1 / Float(width).squareRoot(), packedCount: packed)
        let hasMask = operands.has(3)
        return Kernel(scratchByteCount: (packed + 3 * product) * 4) { arguments in
            let stride = extents.isPacked ? 3 * extents.width : extents.width
            for b in 0..<extents.batch {
                for h in 0..<extents.heads {
                    let column = h * width
                    let (query, key) = (b * queries * stride + column, b * keys * stride + column)
                    let isPacked = extents.isPacked
                    let base = arguments.input(0, as: Float.self)
                    let target = arguments.output(0, as: Float.self)
                    run.run(
                        AttentionGradientRun.Head(
                            queries: base + query,
                            keys: (isPacked ? base + extents.width : arguments.input(1)) + key,
                            values: (isPacked ? base + 2 * extents.width : arguments.input(2)) + key,
                            mask: hasMask ? arguments.input(3, as: Int64.self) + b * keys : nil,
                            flow: arguments.input(4, as: Float.self) + b * queries * extents.width + column,
                            queryGradient: target + query,
                            keyGradient: (isPacked ? target + extents.width : arguments.output(1)) + key,
                            valueGradient: (isPacked ? target + 2 * extents.width : arguments.output(2)) + key),
                        stride: stride, scratch: arguments.scratch())
                }
            }
        }
    }
}

extension Operands {
    /// The first operands alone.
    func prefix(_ count: Int) -> Operands {
        Operands(
            node: node, kernels: kernels, packedWeights: packedWeights, inputs: Array(inputs.prefix(count)),
            options: options)
    }
}

private struct AttentionGradientRun: Sendable {
    struct Head {
        let queries: UnsafePointer<Float>
        let keys: UnsafePointer<Float>
        let values: UnsafePointer<Float>
        let mask: UnsafePointer<Int64>?
        let flow: UnsafePointer<Float>
        let queryGradient: UnsafeMutablePointer<Float>
        let keyGradient: UnsafeMutablePointer<Float>
        let valueGradient: UnsafeMutablePointer<Float>
    }

    let extents: AttentionExtents
    let kernels: KernelTable
    let isCausal: Bool
    let scale: Float
    let packedCount: Int

    func run(_ head: Head, stride: Int, scratch: UnsafeMutablePointer<Float>) {
        let (queries, keys, width, rowWidth) = (extents.queries, extents.keys, extents.headWidth, extents.width)
        let functions = kernels.functions
        let packed = scratch
        let weights = packed + packedCount
        let slopes = weights + queries * keys
        let transposed = slopes + queries * keys
        var epilogue = FusedActivation.none.epilogue
        func pack(_ b: UnsafePointer<Float>, _ rowStride: Int, _ columnStride: Int, _ k: Int, _ n: Int) {
            mk_pack(b, rowStride, columnStride, k, n, kernels.panelWidth, 1, packed)
        }
        pack(head.keys, 1, stride, width, keys)
        functions.gemm(queries, keys, width, head.queries, stride, packed, weights, keys, &epilogue)
        functions.attention_weights(weights, queries, keys, 1, isCausal ? 1 : 0, scale, head.mask)

        mk_transpose(weights, queries, keys, transposed)
        pack(head.flow, rowWidth, 1, queries, width)
        functions.gemm(keys, width, queries, transposed, queries, packed, head.valueGradient, stride, &epilogue)

        pack(head.values, 1, stride, width, keys)
        functions.gemm(queries, keys, width, head.flow, rowWidth, packed, slopes, keys, &epilogue)
        for row in 0..<queries {
            let (p, d) = (weights + row * keys, slopes + row * keys)
            let mean = Float.sum(keys) { p[$0] * d[$0] }
            for key in 0..<keys { d[key] = p[key] * (d[key] - mean) * scale }
        }
        pack(head.keys, stride, 1, keys, width)
        functions.gemm(queries, width, keys, slopes, keys, packed, head.queryGradient, stride, &epilogue)

        mk_transpose(slopes, queries, keys, transposed)
        pack(head.queries, stride, 1, queries, width)
        functions.gemm(keys, width, queries, transposed, queries, packed, head.keyGradient, stride, &epilogue)
    }
}
