/// SliceGradient, the engine's own: the gradient of the input of Slice. Operands and attributes are Slice's, its input read
/// for its shape alone, and behind them the gradient of the output.
struct SliceGradientOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let slice: SliceOperator

    init(_ node: inout NodeReader) throws(GraphError) { slice = try SliceOperator(&node) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(operands.count - 1)
        let x = try operands.type(0, among: flow.elementType)
        let extents = try slice.ranges(operands.dropLast()).map(\.count)
        guard flow.shape.dimensions == extents else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), the slice \(extents)")
        }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let ranges = try slice.ranges(operands.dropLast())
        let strides = Broadcasting.rowMajorStrides(shape.dimensions)
        let origin = zip(ranges, strides).reduce(0) { $0 + ($1.0.count == 0 ? 0 : $1.0.first * $1.1) }
        let steps = zip(ranges, strides).map { $0.count <= 1 ? 0 : $0.step * $1 }
        let places = BoxPlaces(extents: ranges.map(\.count), strides: steps, origin: origin)
        return places.kernel(flow: operands.count - 1, outputs[0])
    }
}

/// Elements of a tensor that a box of another one is copied to.
struct BoxPlaces: Sendable {
    let extents: [Int]
    let strides: [Int]
    let origin: Int

    /// Writes zeros, and the elements of operand `flow` in their places; no two have the same one.
    func kernel(flow: Int, _ output: TensorType) -> Kernel {
        let bytes = output.shape.elementCount * output.elementType.byteCount
        return output.elementType == .float64
            ? make(flow, bytes, as: UInt64.self) : make(flow, bytes, as: UInt32.self)
    }

    private func make<Bits: BitwiseCopyable & Sendable>(_ flow: Int, _ bytes: Int, as type: Bits.Type) -> Kernel {
        let (origin, inner, step) = (origin, extents.last ?? 1, strides.last ?? 1)
        let outer = BoxRows(extents: Array(extents.dropLast()), strides: Array(strides.dropLast()))
        return Kernel { arguments in
            let target = arguments.rawOutput()
            target.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            guard inner > 0 else { return }
            let (source, places) = (arguments.input(flow, as: Bits.self), target.assumingMemoryBound(to: Bits.self))
            outer.forEach { row, offset in
                let (from, to) = (source + row * inner, places + origin + offset)
                if step == 1 {
                    to.update(from: from, count: inner)
                } else {
                    for index in 0..<inner { to[index * step] = from[index] }
                }
            }
        }
    }
}

/// The rows of a box in row-major order, without memory of its own.
struct BoxRows: Sendable {
    let extents: [Int]
    let strides: [Int]

    func forEach(_ body: (_ row: Int, _ offset: Int) -> Void) {
        for row in 0..<extents.reduce(1, *) {
            var rest = row
            var offset = 0
            for axis in extents.indices.reversed() {
                offset += rest % extents[axis] * strides[axis]
                rest /= extents[axis]
            }
            body(row, offset)
        }
    }
}

extension Operands {
    /// Without the last operand.
    func dropLast() -> Operands {
        Operands(
            node: node, kernels: kernels, packedWeights: packedWeights, inputs: Array(inputs.dropLast()),
            options: options)
    }
}
