/// TokenEmbeddingGradient, the engine's own: the gradients of the word, position and type tables of TokenEmbedding. Operands
/// are its six, as far as it has them, the tables read for their shapes alone, and as the seventh the gradient of the output.
/// What several tokens took of one row adds up in their order.
struct TokenEmbeddingGradientOperator: Operator {
    private let isPadded: Bool
    private let paddingIndex: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        isPadded = try node.bool("padded", default: false)
        paddingIndex = try node.int("padding_index", default: 0)
        guard paddingIndex >= 0, paddingIndex < 1 << 31 else {
            throw node.error(.invalidGraph, "attribute 'padding_index' is \(paddingIndex), expected 0 or more")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let words = try operands.type(1, among: .float32)
        let ids = try operands.type(0, among: .int64).shape
        guard words.shape.rank == 2, ids.rank == 2 else {
            throw operands.error(.shapeMismatch, "ids have shape \(ids), the table \(words.shape)")
        }
        for index in [2, 4] where operands.has(index) {
            let table = try operands.shape(index)
            guard table.rank == 2, table[1] == words.shape[1] else {
                throw operands.error(
                    .shapeMismatch, "input \(index) has shape \(table), expected [rows, \(words.shape[1])]")
            }
        }
        if operands.has(3) {
            guard try operands.type(3, among: .int64).shape == ids else {
                throw operands.error(.shapeMismatch, "type ids have shape \(try operands.shape(3)), expected \(ids)")
            }
        }
        if operands.has(5) {
            guard try operands.type(5, among: .int64).shape.elementCount == 1 else {
                throw operands.error(.shapeMismatch, "the first position must be one number")
            }
        }
        guard try operands.type(6, among: .float32).shape.dimensions == ids.dimensions + [words.shape[1]] else {
            throw operands.error(.shapeMismatch, "the gradient is \(try operands.shape(6)), the ids are \(ids)")
        }
        // Tables that are left out have outputs that nobody reads.
        let positions = operands.has(2) ? try operands.type(2, among: .float32) : words
        let types = operands.has(4) ? try operands.type(4, among: .float32) : words
        return operands.present([words, positions, types])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let ids = try operands.shape(0)
        let (batch, sequence) = (ids[0], ids[1])
        let width = try operands.shape(1)[1]
        let counts = (0..<3).map { $0 < outputs.count ? outputs[$0].shape[0] : 0 }
        let wanted = [1, 2, 4].enumerated().map { operands.hasOutput($0.offset) && operands.has($0.element) }
        let (hasTypes, hasStart) = (operands.has(3), operands.has(5))
        let (isPadded, paddingIndex, kernels) = (isPadded, paddingIndex, operands.kernels)
        return Kernel { arguments in
            let words = wanted[0] ? arguments.output(0, as: Float.self) : nil
            let places = wanted[1] ? arguments.output(1, as: Float.self) : nil
            let types = wanted[2] ? arguments.output(2, as: Float.self) : nil
            words?.update(repeating: 0, count: counts[0] * width)
            places?.update(repeating: 0, count: counts[1] * width)
            types?.update(repeating: 0, count: counts[2] * width)
            let ids = arguments.input(0, as: Int64.self)
            let typeIDs = hasTypes ? arguments.input(3, as: Int64.self) : nil
            let flow = arguments.input(6, as: Float.self)
            let given = hasStart ? arguments.input(5, as: Int64.self).pointee : 0
            guard given >= 0, given <= Int64(Int32.max) else {
                arguments.fault.set("the first token is at position \(given)")
                return
            }
            let start = Int(given)
            func add(_ token: Int, _ table: UnsafeMutablePointer<Float>?, _ row: Int, _ rows: Int) {
                guard let table, (0..<rows).contains(row) else { return }
                kernels.accumulate(flow + token * width, into: table + row * width, count: width)
            }
            for row in 0..<batch {
                var counted = 0
                for token in 0..<sequence {
                    let index = row * sequence + token
                    add(index, words, Int(ids[index]), counts[0])
                    var position = start + token
                    if isPadded {
                        let counts = ids[index] != paddingIndex
                        counted += counts ? 1 : 0
                        position = counts ? counted + paddingIndex : paddingIndex
                    }
                    add(index, places, position, counts[1])
                    add(index, types, Int(typeIDs?[index] ?? 0), counts[2])
                }
            }
        }
    }
}

/// TokenPoolingGradient, the engine's own: the gradient of the tokens of TokenPooling. Operands are its tokens, its mask if it
/// has one, and the gradient of the output; attributes are its own. The first of several greatest tokens has the gradient.
struct TokenPoolingGradientOperator: Operator {
    private let mode: String
    private let normalizes: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        mode = try node.string("mode", default: "mean")
        guard ["mean", "max", "first"].contains(mode) else {
            throw node.error(.unsupported, "mode '\(mode)', supported: mean, max, first")
        }
        normalizes = try node.bool("normalize", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let tokens = try operands.type(0, among: .float32)
        let flow = try operands.type(2, among: .float32).shape
        guard tokens.shape.rank == 3, flow.dimensions == [tokens.shape[0], tokens.shape[2]] else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the tokens are \(tokens.shape)")
        }
        if operands.has(1) {
            let mask = try operands.type(1, among: .int64).shape
            guard mask.dimensions == Array(tokens.shape.dimensions.prefix(2)) else {
                throw operands.error(.shapeMismatch, "the mask is \(mask), the tokens are \(tokens.shape)")
            }
        }
        return [tokens]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let (batch, sequence, width) = (shape[0], shape[1], shape[2])
        let (mode, normalizes, hasMask) = (mode, normalizes, operands.has(1))
        // The pooled row and its gradient.
        return Kernel(scratchByteCount: 2 * width * 4) { arguments in
            let pooled = arguments.scratch(as: Float.self)
            let slopes = pooled + width
            for row in 0..<batch {
                let tokens = arguments.input(0, as: Float.self) + row * sequence * width
                let flow = arguments.input(2, as: Float.self) + row * width
                let output = arguments.output(0, as: Float.self) + row * sequence * width
                let mask = hasMask ? arguments.input(1, as: Int64.self) + row * sequence : nil
                func isRead(_ token: Int) -> Bool { mode == "first" ? token == 0 : mask.map { $0[token] != 0 } ?? true }
                output.update(repeating: 0, count: sequence * width)
                slopes.update(from: flow, count: width)
                let count = (0..<sequence).reduce(Float(0)) { $0 + (isRead($1) ? 1 : 0) }
                let divisor = mode == "mean" ? max(count, 1e-9) : 1
                if normalizes {
                    pooled.update(repeating: mode == "max" ? -.infinity : 0, count: width)
                    for token in 0..<sequence where isRead(token) {
                        for column in 0..<width {
                            let value = tokens[token * width + column]
                            pooled[column] =
                                mode == "max" ? max(pooled[column], value) : pooled[column] + value / divisor
                        }
                    }
                    let length = max(Float.sum(width) { pooled[$0] * pooled[$0] }.squareRoot(), 1e-12)
                    let mean = Float.sum(width) { pooled[$0] * flow[$0] } / (length * length)
                    for column in 0..<width { slopes[column] = (flow[column] - pooled[column] * mean) / length }
                }
                if mode == "max" {
                    for column in 0..<width {
                        var best: Int?
                        for token in 0..<sequence where isRead(token) {
                            let value = tokens[token * width + column]
                            if best.map({ value > tokens[$0 * width + column] }) ?? true { best = token }
                        }
                        if let best { output[best * width + column] = slopes[column] }
                    }
                } else {
                    for token in 0..<sequence where isRead(token) {
                        for column in 0..<width { output[token * width + column] = slopes[column] / divisor }
                    }
                }
            }
        }
    }
}
