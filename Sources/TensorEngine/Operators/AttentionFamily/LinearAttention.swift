import Glibc

/// LinearAttention (opset 27): attention as a recurrence over a state of `[width, value width]` a head, by one of four update
/// rules (linear, gated, delta, gated_delta).
struct LinearAttentionOperator: Operator {
    private let queryHeads: Int
    private let keyHeads: Int
    private let scale: Double
    private let isGated: Bool
    private let isDelta: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        queryHeads = try node.int("q_num_heads", default: 0)
        keyHeads = try node.int("kv_num_heads", default: 0)
        scale = Double(try node.float("scale", default: 0))
        _ = try node.int("chunk_size", default: 64)
        let rule = try node.string("update_rule", default: "gated_delta")
        guard ["linear", "gated", "delta", "gated_delta"].contains(rule) else {
            throw node.error(
                .invalidGraph, "attribute 'update_rule' is '\(rule)', expected linear, gated, delta or gated_delta")
        }
        guard queryHeads > 0, keyHeads > 0, queryHeads % keyHeads == 0 else {
            throw node.error(
                .invalidGraph, "q_num_heads is \(queryHeads), kv_num_heads \(keyHeads): expected a multiple of it")
        }
        (isGated, isDelta) = (rule.hasPrefix("gated"), rule.hasSuffix("delta"))
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let (q, k, v) = (
            try operands.type(0, in: ElementType.floatingPoint), try operands.shape(1), try operands.shape(2)
        )
        guard q.shape.rank == 3, k.rank == 3, v.rank == 3, q.shape[2] % queryHeads == 0, v[2] % keyHeads == 0,
            k.dimensions == [q.shape[0], q.shape[1], q.shape[2] / queryHeads * keyHeads], v[0] == k[0], v[1] == k[1]
        else { throw operands.error(.shapeMismatch, "operands do not fit: \(q.shape), \(k), \(v)") }
        let (width, valueWidth) = (q.shape[2] / queryHeads, v[2] / keyHeads)
        let state = try operands.makeShape([q.shape[0], keyHeads, width, valueWidth])
        if operands.has(3), try operands.shape(3) != state {
            throw operands.error(.shapeMismatch, "past_state has shape \(try operands.shape(3)), expected \(state)")
        }
        guard operands.has(4) == isGated, operands.has(5) == isDelta else {
            throw operands.error(.invalidGraph, "decay goes with the gated rules and beta with the delta rules alone")
        }
        for (index, lasts) in [(4, [keyHeads, keyHeads * width]), (5, [keyHeads, 1])] where operands.has(index) {
            let shape = try operands.shape(index)
            guard shape.rank == 3, shape[0] == k[0], shape[1] == k[1], lasts.contains(shape[2]) else {
                throw operands.error(.shapeMismatch, "input \(index) has shape \(shape), which does not fit")
            }
        }
        let stateType = operands.has(3) ? try operands.type(3).elementType : q.elementType
        let output = try operands.makeShape([q.shape[0], q.shape[1], queryHeads * valueWidth])
        return operands.present([
            TensorType(elementType: q.elementType, shape: output), TensorType(elementType: stateType, shape: state),
        ])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        var types: [TensorType?] = []
        for index in 0..<6 { types.append(operands.has(index) ? try operands.type(index) : nil) }
        let q = try operands.shape(0)
        let (batch, length, width) = (q[0], q[1], q[2] / queryHeads)
        let valueWidth = try operands.shape(2)[2] / keyHeads
        let (queryHeads, keyHeads, isGated, isDelta) = (queryHeads, keyHeads, isGated, isDelta)
        let factor = scale == 0 ? 1 / Double(width).squareRoot() : scale
        return Kernel { [types] arguments in
            let all = types.enumerated().map { index, type in type.map { arguments.doubles(index, $0) } ?? [] }
            var state = all[3]
            if state.isEmpty { state = [Double](repeating: 0, count: batch * keyHeads * width * valueWidth) }
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            let decayWidth = types[4].map { $0.shape[2] / keyHeads } ?? 0
            let betaHeads = types[5].map { $0.shape[2] } ?? 0
            for b in 0..<batch {
                for t in 0..<length {
                    let step = b * length + t
                    for h in 0..<keyHeads {
                        let base = (b * keyHeads + h) * width * valueWidth
                        let key = (step * keyHeads + h) * width
                        let value = (step * keyHeads + h) * valueWidth
                        if isGated {
                            for d in 0..<width {
                                let gate = exp(all[4][(step * keyHeads + h) * decayWidth + (decayWidth == 1 ? 0 : d)])
                                for m in 0..<valueWidth { state[base + d * valueWidth + m] *= gate }
                            }
                        }
                        for m in 0..<valueWidth {
                            var update = all[2][value + m]
                            if isDelta {
                                var retrieved = 0.0
                                for d in 0..<width { retrieved += state[base + d * valueWidth + m] * all[1][key + d] }
                                update = all[5][step * betaHeads + (betaHeads == 1 ? 0 : h)] * (update - retrieved)
                            }
                            for d in 0..<width { state[base + d * valueWidth + m] += all[1][key + d] * update }
                        }
                    }
                    for h in 0..<queryHeads {
                        let base = (b * keyHeads + h / (queryHeads / keyHeads)) * width * valueWidth
                        for m in 0..<valueWidth {
                            var sum = 0.0
                            for d in 0..<width {
                                sum += all[0][(step * queryHeads + h) * width + d] * state[base + d * valueWidth + m]
                            }
                            y[(step * queryHeads + h) * valueWidth + m] = factor * sum
                        }
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
            if outputs.count > 1 { arguments.store(state, 1, outputs[1]) }
        }
    }
}

/// CausalConvWithState (opset 27): a depthwise convolution over time that sees the last steps of the call before.
struct CausalConvolutionOperator: Operator {
    private let isActivated: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("activation", default: "none")
        guard ["none", "silu", "swish"].contains(name) else {
            throw node.error(.invalidGraph, "attribute 'activation' is '\(name)', expected none, silu or swish")
        }
        isActivated = name != "none"
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.type(0, in: ElementType.floatingPoint)
        let weights = try operands.shape(1)
        guard x.shape.rank == 3, weights.rank == 3, weights[0] == x.shape[1], weights[1] == 1, weights[2] >= 1 else {
            throw operands.error(
                .shapeMismatch, "operands are \(x.shape) and \(weights), expected [batch, C, length] and [C, 1, k]")
        }
        let state = try operands.makeShape([x.shape[0], x.shape[1], weights[2] - 1])
        if operands.has(2), try operands.shape(2).dimensions != [x.shape[1]] {
            throw operands.error(.shapeMismatch, "bias has shape \(try operands.shape(2)), expected [\(x.shape[1])]")
        }
        if operands.has(3), try operands.shape(3) != state {
            throw operands.error(.shapeMismatch, "past_state has shape \(try operands.shape(3)), expected \(state)")
        }
        return operands.present([x, TensorType(elementType: x.elementType, shape: state)])
    }

    static var admitsEmpty: Bool { true }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let x = outputs[0]
        var types: [TensorType?] = []
        for index in 0..<4 { types.append(operands.has(index) ? try operands.type(index) : nil) }
        let taps = try operands.shape(1)[2]
        let (rows, channels, length) = (x.shape[0] * x.shape[1], x.shape[1], x.shape[2])
        let isActivated = isActivated
        let round = x.elementType.rounding
        return Kernel { [types] arguments in
            let all = types.enumerated().map { index, type in type.map { arguments.doubles(index, $0) } ?? [] }
            var y = [Double](repeating: 0, count: rows * length)
            var states: [Double] = []
            for row in 0..<rows {
                let past =
                    all[3].isEmpty
                    ? [Double](repeating: 0, count: taps - 1) : Array(all[3][row * (taps - 1)..<(row + 1) * (taps - 1)])
                let padded = past + all[0][row * length..<(row + 1) * length]
                for position in 0..<length {
                    var sum = all[2].isEmpty ? 0 : all[2][row % channels]
                    for tap in 0..<taps { sum += padded[position + tap] * all[1][row % channels * taps + tap] }
                    let value = round(sum)
                    y[row * length + position] = isActivated ? value / (1 + exp(-value)) : value
                }
                states += padded.suffix(taps - 1)
            }
            arguments.store(y, 0, x)
            if outputs.count > 1 { arguments.store(states, 1, outputs[1]) }
        }
    }
}
