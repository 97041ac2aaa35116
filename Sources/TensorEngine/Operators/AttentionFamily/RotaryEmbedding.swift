/// RotaryEmbedding (opset 23): rotates pairs of each head's numbers by angles that depend on the position (Su et al., 2021).
struct RotaryEmbeddingOperator: Operator {
    private let headCount: Int
    private let rotated: Int
    private let isInterleaved: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        headCount = try node.int("num_heads", default: 0)
        rotated = try node.int("rotary_embedding_dim", default: 0)
        isInterleaved = try node.bool("interleaved", default: false)
    }

    /// Batch, length, heads, width, and how many of each head's numbers are rotated.
    private func extents(_ operands: Operands) throws(GraphError) -> (Int, Int, Int, Int, Int) {
        let x = try operands.shape(0)
        guard x.rank == 4 || (x.rank == 3 && headCount > 0 && x[2] % headCount == 0) else {
            throw operands.error(
                .shapeMismatch,
                "input is \(x), expected [batch, heads, length, width] or num_heads and [batch, length, …]")
        }
        let (heads, length, width) =
            x.rank == 4 ? (x[1], x[2], x[3]) : (headCount, x[1], x[2] / headCount)
        let count = rotated == 0 ? width : rotated
        guard count > 0, count <= width, count % 2 == 0 else {
            throw operands.error(
                .shapeMismatch, "rotary_embedding_dim is \(count), expected an even number up to \(width)")
        }
        return (x[0], length, heads, width, count)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        let (batch, length, _, _, count) = try extents(operands)
        for index in 1...2 {
            let cache = try operands.type(index, in: ElementType.floatingPoint).shape
            let fits =
                operands.has(3)
                ? cache.rank == 2 && cache[1] == count / 2
                : cache.dimensions == [batch, length, count / 2]
            guard fits else {
                throw operands.error(.shapeMismatch, "input \(index) has shape \(cache), which does not fit")
            }
        }
        if operands.has(3) {
            let positions = try operands.indexType(3).shape
            guard positions.dimensions == [batch, length] else {
                throw operands.error(
                    .shapeMismatch, "position_ids have shape \(positions), expected [\(batch), \(length)]")
            }
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = outputs[0]
        let (batch, length, heads, width, count) = try extents(operands)
        let (cosines, sines) = (try operands.type(1), try operands.type(2))
        let positions = operands.has(3) ? try operands.indexType(3).elementType : nil
        let rows = cosines.shape[0]
        let isFlat = type.shape.rank == 3
        let (half, isInterleaved) = (count / 2, isInterleaved)
        let round = type.elementType.rounding
        return Kernel { arguments in
            var values = arguments.doubles(0, type)
            let (c, s) = (arguments.doubles(1, cosines), arguments.doubles(2, sines))
            let places = positions.map { IndexValues(arguments.rawInput(3), $0) }
            for b in 0..<batch {
                for p in 0..<length {
                    var angle = b * length + p
                    if let places {
                        guard let found = places.index(angle, extent: rows, arguments.fault) else { continue }
                        angle = found
                    }
                    for h in 0..<heads {
                        let start = (isFlat ? (b * length + p) * heads + h : (b * heads + h) * length + p) * width
                        for index in 0..<half {
                            let (first, second) =
                                isInterleaved
                                ? (start + 2 * index, start + 2 * index + 1) : (start + index, start + half + index)
                            let (x, y) = (values[first], values[second])
                            let (cosine, sine) = (c[angle * half + index], s[angle * half + index])
                            values[first] = round(cosine * x) - round(sine * y)
                            values[second] = round(sine * x) + round(cosine * y)
                        }
                    }
                }
            }
            arguments.store(values, 0, type)
        }
    }
}
