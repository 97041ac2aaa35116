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

/// PadGradient, the engine's own: the gradient of the input of Pad. Operands and attributes are Pad's, its input read for its
/// shape alone, and behind them the gradient of the output.
struct PadGradientOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let pad: PadOperator

    init(_ node: inout NodeReader) throws(GraphError) { pad = try PadOperator(&node) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(operands.count - 1)
        let x = try operands.type(0, among: flow.elementType)
        let padded = try pad.outputTypes(operands.dropLast())[0]
        guard flow == padded else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the padded input \(padded)")
        }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let index = operands.count - 1
        let flow = try operands.shape(index)
        let (begin, _) = try pad.pads(operands.dropLast())
        let sources = pad.sources(begin, outputs[0].shape.dimensions, flow.dimensions)
        return try operands.visitGradient(
            outputs[0].elementType,
            Visitor(flow: index, extents: flow.dimensions, sources: sources, count: outputs[0].shape.elementCount))
    }

    private struct Visitor: GradientVisitor {
        let flow: Int
        let extents: [Int]
        /// For each axis, the offset of the input's element at each place of the output; -1 for the constant.
        let sources: [[Int]]
        let count: Int

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (index, extents, sources, count) = (flow, extents, sources, count)
            let inner = sources.last ?? [0]
            let rows = extents.contains(0) ? 0 : extents.dropLast().reduce(1, *)
            return Kernel { arguments in
                let (flow, output) = (arguments.input(index, as: E.self), arguments.output(0, as: E.self))
                output.update(repeating: 0, count: count)
                for row in 0..<rows {
                    var rest = row
                    var offset = 0
                    var isPadding = false
                    for axis in extents.indices.dropLast().reversed() {
                        let source = sources[axis][rest % extents[axis]]
                        rest /= extents[axis]
                        isPadding = isPadding || source < 0
                        offset += source
                    }
                    if isPadding { continue }
                    for place in inner.indices where inner[place] >= 0 {
                        output[offset + inner[place]] += flow[row * inner.count + place]
                    }
                }
            }
        }
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

/// ConcatGradient, the engine's own: the gradients of the inputs of Concat (attribute `axis`), from that of the output and
/// the inputs, which are read for their shapes alone.
struct ConcatGradientOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int

    init(_ node: inout NodeReader) throws(GraphError) { axis = try node.int("axis", default: 0) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let axis = try operands.normalizedAxis(axis, rank: flow.shape.rank)
        var types: [TensorType] = []
        var sum = 0
        for index in 1..<operands.count {
            let type = try operands.type(index, among: flow.elementType)
            types.append(type)
            var expected = flow.shape.dimensions
            if axis < type.shape.rank { expected[axis] = type.shape[axis] }
            guard type.shape.dimensions == expected else {
                throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), input \(index) \(type.shape)")
            }
            sum += type.shape[axis]
        }
        guard sum == flow.shape[axis], operands.node.node.outputs.count <= types.count else {
            throw operands.error(
                .shapeMismatch, "the gradient is \(flow.shape), the inputs have \(sum) of axis \(axis)")
        }
        return operands.present(types)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let flow = try operands.type(0)
        let axis = try operands.normalizedAxis(axis, rank: flow.shape.rank)
        let outer = flow.shape.dimensions[..<axis].reduce(1, *)
        let inner = flow.shape.dimensions[(axis + 1)...].reduce(1, *) * flow.elementType.byteCount
        let rowBytes = flow.shape[axis] * inner
        var parts: [(output: Int, offset: Int, byteCount: Int)] = []
        var offset = 0
        for (index, type) in outputs.enumerated() {
            let bytes = type.shape[axis] * inner
            if operands.hasOutput(index), bytes > 0 { parts.append((index, offset, bytes)) }
            offset += bytes
        }
        return Kernel { [parts] arguments in
            for part in parts {
                for row in 0..<outer {
                    (arguments.rawOutput(part.output) + row * part.byteCount).copyMemory(
                        from: arguments.rawInput(0) + row * rowBytes + part.offset, byteCount: part.byteCount)
                }
            }
        }
    }
}

/// TileGradient, the engine's own: the gradient of the input of Tile, from that of the output and the input, which is read
/// for its shape alone.
struct TileGradientOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0).shape
        let x = try operands.type(1, among: try operands.type(0).elementType)
        guard flow.rank == x.shape.rank,
            zip(flow.dimensions, x.shape.dimensions).allSatisfy({ $1 > 0 && $0 % $1 == 0 })
        else { throw operands.error(.shapeMismatch, "the gradient is \(flow), the input \(x.shape)") }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        // Each axis twice: which repeat, and where in it.
        let pairs = zip(try operands.shape(0).dimensions, outputs[0].shape.dimensions)
        return SumToShapeOperator.kernel(
            from: pairs.flatMap { [$0 / $1, $1] }, to: pairs.flatMap { [1, $1] }, outputs[0].elementType,
            operands.kernels)
    }
}

/// ResizeGradient, the engine's own: the gradient of the input of Resize and Upsample, which are linear in it. Operands and
/// attributes are theirs (`function` is the operator type), the input read for its shape alone, and behind them the gradient
/// of the output.
struct ResizeGradientOperator: Operator {
    private let resize: ResizeOperator

    init(_ node: inout NodeReader) throws(GraphError) {
        let isUpsample = try node.string("function", default: "Resize") == "Upsample"
        resize = try ResizeOperator(&node, isUpsample: isUpsample)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(operands.count - 1)
        let x = try operands.type(0, among: flow.elementType)
        let expected = try resize.outputTypes(operands.dropLast())[0]
        guard flow == expected, x.shape.elementCount > 0 || flow.shape.elementCount == 0 else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the output \(expected)")
        }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let passes = try resize.passes(operands.dropLast())
        let index = operands.count - 1
        let flow = try operands.type(index)
        return Kernel { arguments in
            guard flow.shape.elementCount > 0 else { return }
            var values = arguments.doubles(index, flow)
            var extents = flow.shape.dimensions
            for (axis, taps) in passes.reversed() {
                let outer = extents[..<axis].reduce(1, *)
                let inner = extents[(axis + 1)...].reduce(1, *)
                var next = [Double](repeating: 0, count: outer * shape[axis] * inner)
                for block in 0..<outer {
                    for (position, list) in taps.enumerated() {
                        let source = (block * taps.count + position) * inner
                        for (tap, weight) in list ?? [] {
                            let target = (block * shape[axis] + tap) * inner
                            for place in 0..<inner { next[target + place] += weight * values[source + place] }
                        }
                    }
                }
                values = next
                extents[axis] = shape[axis]
            }
            arguments.store(values, 0, outputs[0])
        }
    }
}
