/// How an update meets what is there.
enum ScatterReduction: String, Sendable {
    case none, add, mul, max, min

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("reduction", default: "none")
        guard let reduction = ScatterReduction(rawValue: name) else {
            throw node.error(.invalidGraph, "attribute 'reduction' is '\(name)', expected none, add, mul, max or min")
        }
        self = reduction
    }

    /// A function that writes `count` elements over others.
    func writer(
        _ type: ElementType, _ operands: Operands
    ) throws(GraphError) -> @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void {
        if self == .none {
            let size = type.byteCount
            return { $1.copyMemory(from: $0, byteCount: $2 * size) }
        }
        return try operands.visitNumeric(type, Visitor(reduction: self))
    }

    private struct Visitor: NumericVisitor {
        let reduction: ScatterReduction

        func visit<Element: NumericElement>(
            _ type: Element.Type
        ) -> @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void {
            let combine: @Sendable (Element, Element) -> Element =
                switch reduction {
                case .mul: { $0.multiplied(by: $1) }
                case .max: { $1 > $0 || $1.isNotANumber ? $1 : $0 }
                case .min: { $1 < $0 || $1.isNotANumber ? $1 : $0 }
                default: { $0.adding($1) }
                }
            return { source, target, count in
                let (x, y) = (
                    source.assumingMemoryBound(to: Element.self), target.assumingMemoryBound(to: Element.self)
                )
                for index in 0..<count { y[index] = combine(y[index], x[index]) }
            }
        }
    }
}

/// ScatterElements and Scatter (opset 9 to 18): updates at a position along an axis that is given for each. Updates of one
/// place are applied in order.
struct ScatterElementsOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int
    private let reduction: ScatterReduction

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: 0)
        reduction = try ScatterReduction(&node)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let data = try operands.type(0)
        let indices = try operands.indexType(1).shape
        let updates = try operands.type(2, among: data.elementType).shape
        guard updates == indices else {
            throw operands.error(.shapeMismatch, "updates have shape \(updates), expected the indices' \(indices)")
        }
        _ = try ElementPlaces(data.shape, indices, axis: axis, operands)
        return [data]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        let places = try ElementPlaces(data.shape, indices.shape, axis: axis, operands)
        let write = try reduction.writer(data.elementType, operands)
        let size = data.elementType.byteCount
        let bytes = data.shape.elementCount * size
        return Kernel { arguments in
            let positions = IndexValues(arguments.rawInput(1), indices.elementType)
            let (updates, target) = (arguments.rawInput(2), arguments.rawOutput(0))
            target.copyMemory(from: arguments.rawInput(0), byteCount: bytes)
            places.walk.forEach { position, offset in
                guard let index = positions.index(position, extent: places.extent, arguments.fault) else { return }
                write(updates + position * size, target + (offset + index * places.stride) * size, 1)
            }
        }
    }
}

/// ScatterND (opset 11 to 18): updates of slices by tuples of indices, applied in order.
struct ScatterNDOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let reduction: ScatterReduction

    init(_ node: inout NodeReader) throws(GraphError) { reduction = try ScatterReduction(&node) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let data = try operands.type(0)
        let indices = try operands.indexType(1).shape
        let updates = try operands.type(2, among: data.elementType).shape
        let tuples = try TuplePlaces(data.shape, indices, batchCount: 0, operands)
        let expected = Array(indices.dimensions.dropLast()) + tuples.sliceDimensions
        guard updates.dimensions == expected else {
            throw operands.error(.shapeMismatch, "updates have shape \(updates), expected \(expected)")
        }
        return [data]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        let tuples = try TuplePlaces(data.shape, indices.shape, batchCount: 0, operands)
        let write = try reduction.writer(data.elementType, operands)
        let size = data.elementType.byteCount
        let bytes = data.shape.elementCount * size
        return Kernel { arguments in
            let values = IndexValues(arguments.rawInput(1), indices.elementType)
            let (updates, target) = (arguments.rawInput(2), arguments.rawOutput(0))
            target.copyMemory(from: arguments.rawInput(0), byteCount: bytes)
            for tuple in 0..<(tuples.sliceCount == 0 ? 0 : tuples.count) {
                guard let offset = tuples.offset(tuple, values, arguments.fault) else { continue }
                write(updates + tuple * tuples.sliceCount * size, target + offset * size, tuples.sliceCount)
            }
        }
    }
}

/// TensorScatter (opset 24): new rows of a cache of keys or values.
struct TensorScatterOperator: Operator {
    private let axis: Int
    private let isCircular: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: -2)
        let mode = try node.string("mode", default: "linear")
        guard ["linear", "circular"].contains(mode) else {
            throw node.error(.invalidGraph, "attribute 'mode' is '\(mode)', expected linear or circular")
        }
        isCircular = mode == "circular"
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let cache = try operands.type(0)
        let update = try operands.type(1, among: cache.elementType).shape
        let axis = try operands.normalizedAxis(axis, rank: cache.shape.rank)
        var expected = cache.shape.dimensions
        if axis < update.rank { expected[axis] = update[axis] }
        guard axis > 0, update.dimensions == expected, update[axis] <= cache.shape[axis] else {
            throw operands.error(
                .shapeMismatch, "the update \(update) does not fit the cache \(cache.shape) along axis \(axis)")
        }
        if operands.has(2) {
            let count = try operands.indexType(2).shape.elementCount
            guard count == cache.shape[0] else {
                throw operands.error(.shapeMismatch, "found \(count) write indices, expected \(cache.shape[0])")
            }
        }
        return [cache]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let cache = outputs[0]
        let update = try operands.shape(1)
        let axis = try operands.normalizedAxis(axis, rank: cache.shape.rank)
        let (length, extent, isCircular) = (update[axis], cache.shape[axis], isCircular)
        let prefixes = cache.shape.dimensions[..<axis].reduce(1, *)
        let perBatch = prefixes / max(cache.shape[0], 1)
        let bytes = cache.shape.dimensions[(axis + 1)...].reduce(1, *) * cache.elementType.byteCount
        let indexType = operands.has(2) ? try operands.indexType(2).elementType : nil
        return Kernel { arguments in
            let (source, target) = (arguments.rawInput(1), arguments.rawOutput(0))
            target.copyMemory(from: arguments.rawInput(0), byteCount: prefixes * extent * bytes)
            let positions = indexType.map { IndexValues(arguments.rawInput(2), $0) }
            for prefix in 0..<prefixes {
                var first = 0
                if let positions {
                    guard
                        let found = positions.index(
                            prefix / max(perBatch, 1), extent: isCircular ? Int(Int32.max) : extent + 1, arguments.fault
                        )
                    else { continue }
                    first = found
                }
                for step in 0..<length {
                    let place = isCircular ? (first + step) % extent : first + step
                    guard place < extent else {
                        arguments.fault.set("position \(place) is outside of the cache's \(extent)")
                        break
                    }
                    (target + (prefix * extent + place) * bytes).copyMemory(
                        from: source + (prefix * length + step) * bytes, byteCount: bytes)
                }
            }
        }
    }
}
