/// Which scale and zero point each element of a tensor has: one for all, one for each index of an axis, or one for each
/// block of indices of an axis (ONNX QuantizeLinear, "granularity").
struct QuantizationGrid: Sendable {
    /// Extents before, of and after the axis.
    private let length: Int
    private let inner: Int
    private let blockSize: Int
    private let blocks: Int

    init(shape: Shape, scale: Shape, axis: Int, blockSize: Int, _ operands: Operands) throws(GraphError) {
        if scale.elementCount == 1, scale.rank <= 1 {
            (length, inner, self.blockSize, blocks) = (1, max(shape.elementCount, 1), 1, 1)
            return
        }
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        let length = shape[axis]
        self.length = length
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
        if scale.rank == 1 {
            guard scale[0] == length else {
                throw operands.error(
                    .shapeMismatch, "scale has shape \(scale), expected [\(length)] for axis \(axis) of \(shape)")
            }
            (self.blockSize, blocks) = (1, length)
            return
        }
        let size = blockSize > 0 ? blockSize : 1
        let expected = shape.dimensions.enumerated().map { $0 == axis ? (length + size - 1) / size : $1 }
        guard blockSize > 0, scale.dimensions == expected else {
            throw operands.error(
                .shapeMismatch,
                "scale has shape \(scale), expected a scalar, [\(length)] or, with block_size \(blockSize), \(expected)"
            )
        }
        (self.blockSize, blocks) = (size, expected[axis])
    }

    /// The scale's index for an element's. A scale of one dimension has no extents around its axis.
    func index(_ element: Int, isBlocked: Bool) -> Int {
        let position = element / inner % max(length, 1)
        guard isBlocked else { return position % max(blocks, 1) }
        let outer = element / inner / max(length, 1)
        return (outer * blocks + position / blockSize) * inner + element % inner
    }
}

extension ElementType {
    /// The least and the largest value of an integer type.
    var integerRange: ClosedRange<Int>? {
        switch self {
        case .int8: -128...127
        case .uint8: 0...255
        case .int16: -32768...32767
        case .uint16: 0...65535
        case .int32: Int(Int32.min)...Int(Int32.max)
        case .uint32: 0...Int(UInt32.max)
        case .int4: -8...7
        case .uint4: 0...15
        case .int2: -2...1
        case .uint2: 0...3
        default: nil
        }
    }

    static let quantized: [ElementType] = [
        .int8, .uint8, .int16, .uint16, .int4, .uint4, .int2, .uint2, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2,
        .float8e5m2fnuz, .float4e2m1,
    ]
}

/// Reads elements of any type as binary64.
struct ElementReader: Sendable {
    private let toDouble: ElementConversion

    init(_ type: ElementType) { toDouble = ElementConversion(from: type, to: .float64) }

    func values(_ source: UnsafeRawPointer, count: Int) -> [Double] {
        [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress, count > 0 { toDouble.convert(source, to: base, count) }
            initialized = count
        }
    }
}
