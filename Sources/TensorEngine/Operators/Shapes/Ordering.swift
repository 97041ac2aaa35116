/// ReverseSequence (opset 10, 28): the first elements along time of each batch in reverse.
struct ReverseSequenceOperator: Operator {
    private let batchAxis: Int
    private let timeAxis: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        batchAxis = try node.int("batch_axis", default: 1)
        timeAxis = try node.int("time_axis", default: 0)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let batch = try operands.normalizedAxis(batchAxis, rank: type.shape.rank)
        let time = try operands.normalizedAxis(timeAxis, rank: type.shape.rank)
        let lengths = try operands.type(1, among: .int64).shape
        guard batch + time == 1, batch != time, lengths.dimensions == [type.shape[batch]] else {
            throw operands.error(
                .shapeMismatch,
                "axes \(batch) and \(time), lengths \(lengths) for \(type.shape): expected the axes 0 and 1 and one "
                    + "length for each of the batch")
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let batch = try operands.normalizedAxis(batchAxis, rank: shape.rank)
        let bytes = shape.dimensions[2...].reduce(1, *) * outputs[0].elementType.byteCount
        let (batches, steps) = (shape[batch], shape[1 - batch])
        let strides = batch == 0 ? (batch: steps, time: 1) : (batch: 1, time: batches)
        return Kernel { arguments in
            let lengths = arguments.input(1, as: Int64.self)
            for row in 0..<batches {
                let length = Int(lengths[row])
                guard (0...steps).contains(length) else {
                    arguments.fault.set("sequence length \(length) is outside [0, \(steps)]")
                    continue
                }
                for step in 0..<steps {
                    let from = step < length ? length - 1 - step : step
                    (arguments.rawOutput(0) + (row * strides.batch + step * strides.time) * bytes).copyMemory(
                        from: arguments.rawInput(0) + (row * strides.batch + from * strides.time) * bytes,
                        byteCount: bytes)
                }
            }
        }
    }
}

/// CenterCropPad (opset 18): crops or pads with zeros around the centre to a shape.
struct CenterCropPadOperator: Operator {
    private let axes: [Int]?

    init(_ node: inout NodeReader) throws(GraphError) { axes = try node.ints("axes") }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let list = try operands.constantIntegers(1, meaning: "shape")
        let axes = try operands.normalizedAxes(axes ?? Array(0..<type.shape.rank), rank: type.shape.rank)
        guard list.count == axes.count else {
            throw operands.error(.shapeMismatch, "shape has \(list.count) values, expected \(axes.count)")
        }
        var dimensions = type.shape.dimensions
        for (axis, extent) in zip(axes, list) { dimensions[axis] = extent }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (from, to) = (try operands.shape(0).dimensions, outputs[0].shape.dimensions)
        let box = zip(from, to).map { min($0, $1) }
        let (fromStrides, toStrides) = (Broadcasting.rowMajorStrides(from), Broadcasting.rowMajorStrides(to))
        var origins = (from: 0, to: 0)
        for axis in from.indices {
            origins.from += max(0, from[axis] - to[axis]) / 2 * fromStrides[axis]
            origins.to += max(0, to[axis] - from[axis]) / 2 * toStrides[axis]
        }
        let source = StridedWalk(box, strides: fromStrides)
        let target = StridedWalk(box, strides: toStrides)
        let size = outputs[0].elementType.byteCount
        let bytes = outputs[0].shape.elementCount * size
        return Kernel { [origins] arguments in
            UnsafeMutableRawBufferPointer(start: arguments.rawOutput(0), count: bytes)
                .initializeMemory(as: UInt8.self, repeating: 0)
            var places: [Int] = []
            places.reserveCapacity(source.count)
            source.forEach { places.append($1) }
            target.forEach { position, offset in
                (arguments.rawOutput(0) + (origins.to + offset) * size).copyMemory(
                    from: arguments.rawInput(0) + (origins.from + places[position]) * size, byteCount: size)
            }
        }
    }
}
