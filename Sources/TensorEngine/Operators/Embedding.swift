import CTensorKernels

/// TokenEmbedding, the engine's own: the rows of a table for integer ids `[B, S]`, plus those of positions and token types.
///
/// Inputs: ids int64; word table `[V, H]`; optional position table `[P, H]`; optional type ids `[B, S]` (absent: 0) and type
/// table `[T, H]`; optional int64 `[1]`, the position of the first token. Output `[B, S, H]`.
///
/// Positions count from 0, or with `padded` 1 as RoBERTa's: tokens other than `padding_index` count from one behind it, and
/// padding has that position itself (Hugging Face transformers, `create_position_ids_from_input_ids`). An id outside its
/// table fails the run.
struct TokenEmbeddingOperator: Operator {
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
        let ids = try operands.type(0, among: .int64).shape
        let words = try operands.type(1, among: .float32).shape
        guard ids.rank == 2, words.rank == 2 else {
            throw operands.error(
                .shapeMismatch, "ids have shape \(ids), the table \(words); expected two dimensions each")
        }
        for index in [2, 4] where operands.has(index) {
            let table = try operands.type(index, among: .float32).shape
            guard table.rank == 2, table[1] == words[1], table[0] > 0 else {
                throw operands.error(.shapeMismatch, "input \(index) has shape \(table), expected [rows, \(words[1])]")
            }
        }
        if operands.has(2) {
            let rows = try operands.shape(2)[0] - (isPadded ? paddingIndex + 1 : 0)
            guard ids[1] <= rows else {
                throw operands.error(
                    .shapeMismatch, "found \(ids[1]) tokens in a row, the model has positions for \(max(rows, 0))")
            }
        }
        if operands.has(3) {
            let types = try operands.type(3, among: .int64).shape
            guard types == ids, operands.has(4) else {
                throw operands.error(
                    .shapeMismatch, "type ids have shape \(types), expected \(ids), and a table of types")
            }
        }
        if operands.has(5) {
            guard try operands.type(5, among: .int64).shape.elementCount == 1, !isPadded else {
                throw operands.error(.shapeMismatch, "the first position must be one number, and positions not padded")
            }
        }
        return [TensorType(elementType: .float32, shape: try operands.makeShape([ids[0], ids[1], words[1]]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (batch, sequence, width) = (outputs[0].shape[0], outputs[0].shape[1], outputs[0].shape[2])
        let vocabulary = try operands.shape(1)[0]
        let positions = operands.has(2) ? try operands.shape(2)[0] : 0
        let typeCount = operands.has(4) ? try operands.shape(4)[0] : 0
        let (hasTypes, hasStart) = (operands.has(3), operands.has(5))
        let (isPadded, paddingIndex, kernels) = (isPadded, paddingIndex, operands.kernels)
        return Kernel { arguments in
            let ids = arguments.input(0, as: Int64.self)
            let words = arguments.input(1, as: Float.self)
            let output = arguments.output(0, as: Float.self)
            var start = 0
            if hasStart {
                let given = arguments.input(5, as: Int64.self).pointee
                guard given >= 0, given <= Int64(positions - sequence) else {
                    arguments.fault.set(
                        "the first of \(sequence) tokens is at position \(given), the model has \(positions) positions")
                    return
                }
                start = Int(given)
            }
            for row in 0..<batch {
                var counted = 0
                for token in 0..<sequence {
                    let index = row * sequence + token
                    let id = ids[index]
                    let target = output + index * width
                    guard id >= 0, id < vocabulary else {
                        arguments.fault.set(
                            "row \(row), token \(token): found id \(id), expected 0 to \(vocabulary - 1)")
                        return
                    }
                    var position = start + token
                    if isPadded {
                        let counts = id != paddingIndex
                        counted += counts ? 1 : 0
                        position = counts ? counted + paddingIndex : paddingIndex
                    }
                    var source = words + Int(id) * width
                    if typeCount > 0 {
                        let type = hasTypes ? arguments.input(3, as: Int64.self)[index] : 0
                        guard type >= 0, type < typeCount else {
                            arguments.fault.set(
                                "row \(row), token \(token): found type \(type), expected 0 to \(typeCount - 1)")
                            return
                        }
                        let types = arguments.input(4, as: Float.self) + Int(type) * width
                        kernels.functions.binary_f32(MK_ADD, source, 1, types, 1, target, width)
                        source = UnsafePointer(target)
                    }
                    if positions > 0 {
                        let places = arguments.input(2, as: Float.self) + position * width
                        kernels.functions.binary_f32(MK_ADD, source, 1, places, 1, target, width)
                    } else if typeCount == 0 {
                        target.update(from: source, count: width)
                    }
                }
            }
        }
    }
}
