import Glibc

/// Attention (opset 23 to 25): scaled dot-product attention with grouped heads, masks, a cache, windows and a soft cap, of
/// `[batch, heads, length, width]` or `[batch, length, heads * width]`. Numbers are rounded to the operands' type between the
/// steps, as the separate operators would.
struct StandardAttentionOperator: Operator {
    private let queryHeads: Int
    private let keyHeads: Int
    private let scale: Double?
    private let isCausal: Bool
    private let softCap: Double
    private let outputMode: Int
    private let window: (left: Int, right: Int)
    private let softmaxType: ElementType?

    init(_ node: inout NodeReader) throws(GraphError) {
        queryHeads = try node.int("q_num_heads", default: 0)
        keyHeads = try node.int("kv_num_heads", default: 0)
        scale = node.node.node.attributes["scale"] == nil ? nil : Double(try node.float("scale", default: 0))
        isCausal = try node.bool("is_causal", default: false)
        softCap = Double(try node.float("softcap", default: 0))
        outputMode = try node.int("qk_matmul_output_mode", default: 0)
        window = (try node.int("left_window_size", default: -1), try node.int("right_window_size", default: -1))
        softmaxType =
            node.node.node.attributes["softmax_precision"] == nil ? nil : try node.elementType("softmax_precision")
        guard (0...3).contains(outputMode), window.left >= -1, window.right >= -1, scale ?? 0 >= 0 else {
            throw node.error(
                .invalidGraph,
                "qk_matmul_output_mode is \(outputMode), the window \(window), the scale \(scale ?? 0): expected 0 to 3, "
                    + "sizes from -1 on, and none below 0")
        }
    }

    /// Extents, and where element (batch, head, position, index) of each operand lies.
    private struct Layout {
        var batch = 0
        var heads = 0
        var keyHeads = 0
        var queries = 0
        var newKeys = 0
        var pastKeys = 0
        var width = 0
        var valueWidth = 0
        var isFlat = false
        var keys: Int { pastKeys + newKeys }

        func offset(_ b: Int, _ h: Int, _ p: Int, heads: Int, length: Int, width: Int) -> Int {
            isFlat ? ((b * length + p) * heads + h) * width : ((b * heads + h) * length + p) * width
        }
    }

    private func layout(_ operands: Operands) throws(GraphError) -> Layout {
        let (q, k, v) = (try operands.shape(0), try operands.shape(1), try operands.shape(2))
        func refuse() -> GraphError {
            operands.error(.shapeMismatch, "operands do not fit: Q \(q), K \(k), V \(v)")
        }
        var layout = Layout()
        guard q.rank == k.rank, q.rank == v.rank, q.rank == 3 || q.rank == 4, q[0] == k[0], q[0] == v[0] else {
            throw refuse()
        }
        layout.batch = q[0]
        layout.isFlat = q.rank == 3
        if layout.isFlat {
            guard queryHeads > 0, keyHeads > 0, q[2] % queryHeads == 0, k[2] % keyHeads == 0, v[2] % keyHeads == 0
            else { throw refuse() }
            (layout.heads, layout.keyHeads) = (queryHeads, keyHeads)
            (layout.queries, layout.newKeys) = (q[1], k[1])
            (layout.width, layout.valueWidth) = (q[2] / queryHeads, v[2] / keyHeads)
            guard k[2] / keyHeads == layout.width, v[1] == k[1] else { throw refuse() }
        } else {
            (layout.heads, layout.keyHeads) = (q[1], k[1])
            (layout.queries, layout.newKeys) = (q[2], k[2])
            (layout.width, layout.valueWidth) = (q[3], v[3])
            guard v[1] == k[1], k[3] == q[3], v[2] == k[2] else { throw refuse() }
        }
        guard layout.keyHeads > 0, layout.heads % layout.keyHeads == 0 else { throw refuse() }
        guard operands.has(4) == operands.has(5) else {
            throw operands.error(.invalidGraph, "past_key and past_value exclude one without the other")
        }
        if operands.has(4) {
            let (pastK, pastV) = (try operands.shape(4), try operands.shape(5))
            guard pastK.rank == 4, pastV.rank == 4, pastK[2] == pastV[2],
                pastK.dimensions == [layout.batch, layout.keyHeads, pastK[2], layout.width],
                pastV.dimensions == [layout.batch, layout.keyHeads, pastK[2], layout.valueWidth]
            else { throw operands.error(.shapeMismatch, "past_key \(pastK) or past_value \(pastV) do not fit") }
            layout.pastKeys = pastK[2]
        }
        return layout
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint).elementType
        for index in [1, 2, 4, 5] where operands.has(index) {
            _ = try operands.type(index, in: ElementType.floatingPoint)
        }
        let layout = try layout(operands)
        if operands.has(3) {
            let mask = try operands.type(3, in: ElementType.floatingPoint + [.bool]).shape
            let full = [layout.batch, layout.heads, layout.queries, layout.keys]
            var extents = mask.dimensions
            if let last = extents.last, last <= layout.keys, last > 1 || layout.keys == 1 {
                extents[extents.count - 1] = layout.keys
            }
            guard mask.rank >= 1, Broadcasting.shape(extents, full) == full else {
                throw operands.error(.shapeMismatch, "the mask \(mask) does not broadcast to \(full)")
            }
        }
        if operands.has(6) {
            let lengths = try operands.indexType(6).shape
            guard lengths.elementCount == layout.batch, !operands.has(4) else {
                throw operands.error(
                    .shapeMismatch, "nonpad_kv_seqlen has shape \(lengths), expected [\(layout.batch)] and no past keys"
                )
            }
        }
        let output =
            layout.isFlat
            ? [layout.batch, layout.queries, layout.heads * layout.valueWidth]
            : [layout.batch, layout.heads, layout.queries, layout.valueWidth]
        let extents = [
            output, [layout.batch, layout.keyHeads, layout.keys, layout.width],
            [layout.batch, layout.keyHeads, layout.keys, layout.valueWidth],
            [layout.batch, layout.heads, layout.queries, layout.keys],
        ]
        var types: [TensorType] = []
        for dimensions in extents {
            types.append(TensorType(elementType: type, shape: try operands.makeShape(dimensions)))
        }
        types[2].elementType = try operands.type(2).elementType
        return operands.present(types)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let layout = try layout(operands)
        var types: [TensorType?] = []
        for index in 0..<7 { types.append(operands.has(index) ? try operands.type(index) : nil) }
        let round = outputs[0].elementType.rounding
        let softmaxRound = (softmaxType ?? outputs[0].elementType).rounding
        let factor = (scale ?? 1 / Double(layout.width).squareRoot()).squareRoot()
        let settings = (isCausal: isCausal, softCap: softCap, mode: outputMode, window: window)
        return Kernel { [types] arguments in
            let q = Self.numbers(arguments, 0, types)
            let (keys, values) = (
                Self.cache(arguments, 1, 4, types, layout, layout.width),
                Self.cache(arguments, 2, 5, types, layout, layout.valueWidth)
            )
            let mask = Self.mask(arguments, types[3], layout)
            let lengths = types[6].map { arguments.doubles(6, $0) }
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            var exposed = [Double](repeating: 0, count: outputs.count > 3 ? outputs[3].shape.elementCount : 0)
            let group = layout.heads / layout.keyHeads
            for b in 0..<layout.batch {
                let offset = lengths.map { Int($0[b]) - layout.queries } ?? layout.pastKeys
                for h in 0..<layout.heads {
                    for p in 0..<layout.queries {
                        let row = ((b * layout.heads + h) * layout.queries + p) * layout.keys
                        let query = layout.offset(
                            b, h, p, heads: layout.heads, length: layout.queries, width: layout.width)
                        var scores = [Double](repeating: 0, count: layout.keys)
                        var bias = scores
                        for key in 0..<layout.keys {
                            let base = ((b * layout.keyHeads + h / group) * layout.keys + key) * layout.width
                            var sum = 0.0
                            for index in 0..<layout.width {
                                sum += round(q[query + index] * factor) * round(keys[base + index] * factor)
                            }
                            var score = round(sum)
                            if settings.mode == 0, !exposed.isEmpty { exposed[row + key] = score }
                            if settings.softCap > 0 { score = round(settings.softCap * tanh(score / settings.softCap)) }
                            if settings.mode == 1, !exposed.isEmpty { exposed[row + key] = score }
                            var sight = mask.isEmpty ? 0 : mask[row + key]
                            let isHidden =
                                (settings.isCausal && key > p + offset)
                                || (settings.window.left >= 0 && key < p + offset - settings.window.left)
                                || (settings.window.right >= 0 && key > p + offset + settings.window.right)
                                || (lengths.map { Double(key) >= $0[b] } ?? false)
                            if isHidden { sight = -.infinity }
                            bias[key] = sight
                            scores[key] = round(score + sight)
                            if settings.mode == 2, !exposed.isEmpty { exposed[row + key] = scores[key] }
                        }
                        Self.softmax(&scores, bias: bias, round: softmaxRound)
                        for key in 0..<layout.keys {
                            scores[key] = round(scores[key])
                            if settings.mode == 3, !exposed.isEmpty { exposed[row + key] = scores[key] }
                        }
                        let target = layout.offset(
                            b, h, p, heads: layout.heads, length: layout.queries, width: layout.valueWidth)
                        for key in 0..<layout.keys where scores[key] != 0 {
                            let base = ((b * layout.keyHeads + h / group) * layout.keys + key) * layout.valueWidth
                            for index in 0..<layout.valueWidth {
                                y[target + index] += scores[key] * values[base + index]
                            }
                        }
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
            if outputs.count > 1 { arguments.store(keys, 1, outputs[1]) }
            if outputs.count > 2 { arguments.store(values, 2, outputs[2]) }
            if outputs.count > 3 { arguments.store(exposed, 3, outputs[3]) }
        }
    }

    private static func numbers(
        _ arguments: borrowing KernelArguments, _ index: Int, _ types: [TensorType?]
    ) -> [Double] {
        types[index].map { arguments.doubles(index, $0) } ?? []
    }

    /// Past and new keys or values as `[batch, heads, keys, width]`.
    private static func cache(
        _ arguments: borrowing KernelArguments, _ new: Int, _ past: Int, _ types: [TensorType?], _ layout: Layout,
        _ width: Int
    ) -> [Double] {
        let (fresh, old) = (numbers(arguments, new, types), numbers(arguments, past, types))
        var result: [Double] = []
        result.reserveCapacity(layout.batch * layout.keyHeads * layout.keys * width)
        for b in 0..<layout.batch {
            for h in 0..<layout.keyHeads {
                if layout.pastKeys > 0 {
                    let start = (b * layout.keyHeads + h) * layout.pastKeys * width
                    result += old[start..<start + layout.pastKeys * width]
                }
                for p in 0..<layout.newKeys {
                    let start = layout.offset(
                        b, h, p, heads: layout.keyHeads, length: layout.newKeys, width: width)
                    result += fresh[start..<start + width]
                }
            }
        }
        return result
    }

    /// What is added to each score, `[batch, heads, queries, keys]`; empty without a mask. Keys beyond the mask are hidden.
    private static func mask(
        _ arguments: borrowing KernelArguments, _ type: TensorType?, _ layout: Layout
    ) -> [Double] {
        guard let type, let last = type.shape.dimensions.last else { return [] }
        let numbers = arguments.doubles(3, type)
        let isBool = type.elementType == .bool
        let spreads = last == 1 && layout.keys > 1
        let leading = Array(type.shape.dimensions.dropLast())
        let strides = Broadcasting.strides(
            of: leading, broadcastTo: [layout.batch, layout.heads, layout.queries])
        var result: [Double] = []
        result.reserveCapacity(layout.batch * layout.heads * layout.queries * layout.keys)
        StridedWalk([layout.batch, layout.heads, layout.queries], strides: strides).forEach { _, row in
            for key in 0..<layout.keys {
                guard spreads || key < last else {
                    result.append(-.infinity)
                    continue
                }
                let value = numbers[row * last + (spreads ? 0 : key)]
                result.append(isBool ? (value != 0 ? 0 : -.infinity) : value)
            }
        }
        return result
    }

    /// Weights of the keys; none where all are hidden.
    private static func softmax(_ scores: inout [Double], bias: [Double], round: (Double) -> Double) {
        guard bias.contains(where: { $0 != -.infinity }) else {
            for index in scores.indices { scores[index] = 0 }
            return
        }
        let largest = scores.reduce(-Double.infinity) { $1.isNaN ? $0 : max($0, $1) }
        var sum = 0.0
        for index in scores.indices {
            scores[index] = round(exp(scores[index] - largest))
            sum += scores[index]
        }
        for index in scores.indices { scores[index] = round(scores[index] / sum) }
    }
}
