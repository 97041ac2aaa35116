import CTensorKernels

/// SumToShape, the engine's own: the sum of `x` over the axes along which a smaller shape was broadcast to that of `x`. The
/// smaller shape is the attribute `shape` or that of a second operand, whose values are not read.
///
/// float32 adds up in float32: rows one after the other, elements of a row in sixteen interleaved sums.
struct SumToShapeOperator: Operator {
    private let dimensions: [Int]?

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        dimensions = try node.ints("shape")
    }

    private func target(_ operands: Operands) throws(GraphError) -> Shape {
        if operands.has(1) { return try operands.shape(1) }
        guard let dimensions else { throw operands.error(.invalidGraph, "has neither a shape nor a second operand") }
        return try operands.makeShape(dimensions)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.type(0, among: .float32, .float64)
        let target = try target(operands)
        guard Broadcasting.shape(target.dimensions, x.shape.dimensions) == x.shape.dimensions else {
            throw operands.error(.shapeMismatch, "shape \(target) does not broadcast to \(x.shape)")
        }
        return [TensorType(elementType: x.elementType, shape: target)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let target = outputs[0].shape
        if shape.elementCount == target.elementCount { return .alias }
        return Self.kernel(
            from: shape.dimensions, to: target.dimensions, outputs[0].elementType, operands.kernels)
    }

    /// Sums the first operand, of extents `from`, to extents `to` that broadcast to them.
    static func kernel(from: [Int], to: [Int], _ elementType: ElementType, _ kernels: KernelTable) -> Kernel {
        let count = to.reduce(1, *)
        if from.contains(0) {
            let bytes = count * elementType.byteCount
            return Kernel { arguments in
                arguments.rawOutput().initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            }
        }
        let loop = BroadcastLoop(from, to, output: from)
        if elementType == .float64 { return doubleKernel(loop, count: count) }
        return Kernel { arguments in
            let (x, y) = (arguments.input(0, as: Float.self), arguments.output(0, as: Float.self))
            y.update(repeating: 0, count: count)
            loop.forEachRow { _, from, to in
                if loop.bStep == 0 {
                    y[to] += sum(x + from, loop.count)
                } else {
                    kernels.functions.binary_f32(MK_ADD, y + to, 1, x + from, 1, y + to, loop.count)
                }
            }
        }
    }

    private static func doubleKernel(_ loop: BroadcastLoop, count: Int) -> Kernel {
        Kernel { arguments in
            let (x, y) = (arguments.input(0, as: Double.self), arguments.output(0, as: Double.self))
            y.update(repeating: 0, count: count)
            loop.forEachRow { _, from, to in
                for index in 0..<loop.count { y[to + index * loop.bStep] += x[from + index] }
            }
        }
    }

    /// The sum of a row in an order that depends on its length alone.
    static func sum(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
        var sums = SIMD16<Float>.zero
        let whole = count & ~15
        var index = 0
        while index < whole {
            sums += UnsafeRawPointer(row + index).loadUnaligned(as: SIMD16<Float>.self)
            index += 16
        }
        var total = sums.sum()
        while index < count {
            total += row[index]
            index += 1
        }
        return total
    }
}
