import CTensorKernels

/// ScaledDotProductAttention, the engine's own: `softmax(scale · Q Kᵀ) V` for every head (Vaswani et al., 2017, section 3.2).
///
/// Inputs: `Q [B, S, H]`, `K` and `V [B, T, H]`, heads side by side; or, without K and V, all three in the columns of
/// `[B, S, 3H]`. Optional: `mask` int64 `[B, T]`, 0 for keys that nobody sees; and a cache of earlier keys and values,
/// `[B, C, H]` each, of which int64 `length [1]` rows are in use and come before the new ones.
///
/// A masked key weighs exactly 0 and every sum runs in an order that the valid keys alone determine: neither padding nor
/// the cache changes a bit.
struct AttentionOperator: Operator {
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
        let extents = try AttentionExtents(operands, heads: heads)
        let shape = try operands.makeShape([extents.batch, extents.queries, extents.width])
        return [TensorType(elementType: .float32, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let extents = try AttentionExtents(operands, heads: heads)
        let run = AttentionRun(
            extents, kernels: operands.kernels, isCausal: isCausal,
            scale: scale ?? 1 / Float(extents.headWidth).squareRoot(),
            packedKeys:
                try operands.packedElementCount(k: extents.headWidth, n: extents.keys),
            packedValues:
                try operands.packedElementCount(k: extents.keys, n: extents.headWidth))
        let (product, overflow) = extents.queries.multipliedReportingOverflow(by: extents.keys)
        guard !overflow, product <= 1 << 30 else {
            throw operands.error(.limitExceeded, "\(extents.queries) queries × \(extents.keys) keys are too many")
        }
        let hasMask = operands.has(3)
        return Kernel(scratchByteCount: run.scratchCount * 4) { arguments in
            var sources = AttentionSources(
                queries: arguments.input(0), keys: arguments.input(extents.isPacked ? 0 : 1),
                values: arguments.input(extents.isPacked ? 0 : 2), output: arguments.output(0),
                scratch: arguments.scratch())
            if extents.isPacked {
                sources.keys += extents.width
                sources.values += 2 * extents.width
            }
            if hasMask { sources.mask = arguments.input(3) }
            if extents.capacity > 0 {
                let length = arguments.input(6, as: Int64.self).pointee
                guard length >= 0, length <= extents.capacity else {
                    arguments.fault.set("the cache's length is \(length), expected 0 to \(extents.capacity)")
                    return
                }
                sources.cachedKeys = arguments.input(4)
                sources.cachedValues = arguments.input(5)
                sources.cachedCount = Int(length)
            }
            run.run(sources)
        }
    }
}

struct AttentionExtents: Sendable {
    let batch: Int
    let queries: Int
    /// New keys, without the cache's.
    let keys: Int
    let width: Int
    let headWidth: Int
    let heads: Int
    let isPacked: Bool
    /// Rows of the cache; 0 without one.
    let capacity: Int

    init(_ operands: Operands, heads: Int) throws(GraphError) {
        let q = try operands.type(0, among: .float32).shape
        isPacked = !operands.has(1)
        guard q.rank == 3, operands.has(1) == operands.has(2) else {
            throw operands.error(.shapeMismatch, "Q has shape \(q), expected [B, S, H], and K and V both or neither")
        }
        width = isPacked ? q[2] / 3 : q[2]
        guard width > 0, !isPacked || q[2] % 3 == 0, width % heads == 0 else {
            throw operands.error(
                .shapeMismatch,
                "Q has shape \(q), expected \(isPacked ? "three times " : "")a multiple of \(heads) heads")
        }
        (batch, queries, self.heads, headWidth) = (q[0], q[1], heads, width / heads)
        if isPacked {
            keys = q[1]
        } else {
            let k = try operands.type(1, among: .float32).shape
            let v = try operands.type(2, among: .float32).shape
            guard k == v, k.rank == 3, k[0] == q[0], k[2] == width else {
                throw operands.error(.shapeMismatch, "Q, K and V have shapes \(q), \(k) and \(v)")
            }
            keys = k[1]
        }
        if operands.has(3) {
            let mask = try operands.type(3, among: .int64).shape
            guard mask.dimensions == [batch, keys] else {
                throw operands.error(.shapeMismatch, "mask has shape \(mask), expected [\(batch), \(keys)]")
            }
        }
        guard operands.has(4) else {
            capacity = 0
            return
        }
        let cachedKeys = try operands.type(4, among: .float32).shape
        let cachedValues = try operands.type(5, among: .float32).shape
        guard cachedKeys == cachedValues, cachedKeys.rank == 3, cachedKeys[0] == batch, cachedKeys[2] == width,
            !operands.has(3), try operands.type(6, among: .int64).shape.elementCount == 1
        else {
            throw operands.error(
                .shapeMismatch,
                "the cache has shapes \(cachedKeys) and \(cachedValues), expected [\(batch), C, \(width)] twice, a length "
                    + "of one element, and no mask")
        }
        capacity = cachedKeys[1]
    }
}

private struct AttentionSources {
    var queries: UnsafePointer<Float>
    var keys: UnsafePointer<Float>
    var values: UnsafePointer<Float>
    var output: UnsafeMutablePointer<Float>
    var scratch: UnsafeMutablePointer<Float>
    var mask: UnsafePointer<Int64>?
    var cachedKeys: UnsafePointer<Float>?
    var cachedValues: UnsafePointer<Float>?
    var cachedCount = 0
}

private struct AttentionRun: Sendable {
    /// Up to so many queries go one by one; for more, packing keys and values pays.
    private static let singleQueries = 2

    let extents: AttentionExtents
    let kernels: KernelTable
    let isCausal: Bool
    let scale: Float
    let packedKeys: Int
    let packedValues: Int

    init(
        _ extents: AttentionExtents, kernels: KernelTable, isCausal: Bool, scale: Float, packedKeys: Int,
        packedValues: Int
    ) {
        self.extents = extents
        self.kernels = kernels
        self.isCausal = isCausal
        self.scale = scale
        self.packedKeys = packedKeys
        self.packedValues = packedValues
    }

    var scratchCount: Int {
        max(packedKeys + packedValues + extents.queries * extents.keys, extents.capacity + extents.keys) + 64
    }

    func run(_ sources: AttentionSources) {
        let rowStride = extents.isPacked ? 3 * extents.width : extents.width
        for b in 0..<extents.batch {
            for h in 0..<extents.heads {
                var part = sources
                let column = h * extents.headWidth
                part.queries += b * extents.queries * rowStride + column
                part.keys += b * extents.keys * rowStride + column
                part.values += b * extents.keys * rowStride + column
                part.output += b * extents.queries * extents.width + column
                part.mask = sources.mask.map { $0 + b * extents.keys }
                part.cachedKeys = sources.cachedKeys.map { $0 + b * extents.capacity * extents.width + column }
                part.cachedValues = sources.cachedValues.map { $0 + b * extents.capacity * extents.width + column }
                if sources.cachedCount > 0 || extents.queries <= Self.singleQueries {
                    runRows(part, rowStride)
                } else {
                    runPacked(part, rowStride)
                }
            }
        }
    }

    /// One head by two packed products.
    private func runPacked(_ part: AttentionSources, _ stride: Int) {
        let (queries, width) = (extents.queries, extents.headWidth)
        // Keys behind the last valid one cost nothing; they would weigh 0.
        var keys = extents.keys
        if let mask = part.mask { while keys > 1, mask[keys - 1] == 0 { keys -= 1 } }
        let packed = part.scratch
        let values = packed + packedKeys
        let scores = values + packedValues
        var epilogue = FusedActivation.none.epilogue
        mk_pack(part.keys, 1, stride, width, keys, kernels.panelWidth, 1, packed)
        kernels.functions.gemm(queries, keys, width, part.queries, stride, packed, scores, keys, &epilogue)
        kernels.functions.attention_weights(scores, queries, keys, 1, isCausal ? 1 : 0, scale, part.mask)
        mk_pack(part.values, stride, 1, keys, width, kernels.panelWidth, 1, values)
        kernels.functions.gemm(queries, width, keys, scores, keys, values, part.output, extents.width, &epilogue)
    }

    /// One head query by query, over the cache and the new keys.
    private func runRows(_ part: AttentionSources, _ stride: Int) {
        let (cached, width) = (part.cachedCount, extents.headWidth)
        let scores = part.scratch
        for query in 0..<extents.queries {
            let row = part.queries + query * stride
            let output = part.output + query * extents.width
            let fresh = isCausal ? min(query + 1, extents.keys) : extents.keys
            let total = cached + fresh
            if let keys = part.cachedKeys {
                kernels.functions.attention_scores(row, width, keys, cached, extents.width, scores)
            }
            kernels.functions.attention_scores(row, width, part.keys, fresh, stride, scores + cached)
            kernels.functions.attention_weights(scores, 1, total, total, 0, scale, part.mask)
            output.update(repeating: 0, count: width)
            if let values = part.cachedValues {
                kernels.functions.attention_mix(scores, cached, values, extents.width, width, output)
            }
            kernels.functions.attention_mix(scores + cached, fresh, part.values, stride, width, output)
        }
    }
}
