/// Slice (opset 1 with attributes, from 10 on with inputs): ranges of axes with steps, as NumPy's.
struct SliceOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    private let attributes: (starts: [Int], ends: [Int], axes: [Int]?)?

    init(_ node: inout NodeReader) throws(GraphError) {
        guard node.operatorSetVersion < 10 else {
            attributes = nil
            return
        }
        guard let starts = try node.ints("starts"), let ends = try node.ints("ends") else {
            throw node.error(.invalidGraph, "the attributes 'starts' and 'ends' are missing")
        }
        attributes = (starts, ends, try node.ints("axes"))
    }

    /// For each axis: first index, count, step.
    func ranges(_ operands: Operands) throws(GraphError) -> [(first: Int, count: Int, step: Int)] {
        let shape = try operands.shape(0)
        var result = shape.dimensions.map { (first: 0, count: $0, step: 1) }
        let (starts, ends): ([Int], [Int])
        var axes: [Int]?
        var steps: [Int]?
        if let attributes {
            (starts, ends, axes) = (attributes.starts, attributes.ends, attributes.axes)
        } else {
            starts = try operands.constantIntegers(1, meaning: "starts")
            ends = try operands.constantIntegers(2, meaning: "ends")
            if operands.has(3) { axes = try operands.constantIntegers(3, meaning: "axes") }
            if operands.has(4) { steps = try operands.constantIntegers(4, meaning: "steps") }
        }
        let places = try operands.normalizedAxes(axes ?? Array(starts.indices), rank: shape.rank)
        guard starts.count == ends.count, places.count == starts.count, steps?.count ?? starts.count == starts.count
        else {
            throw operands.error(
                .shapeMismatch,
                "found \(starts.count) starts, \(ends.count) ends, \(places.count) axes and "
                    + "\(steps?.count ?? starts.count) steps, expected as many of each")
        }
        for (index, axis) in places.enumerated() {
            let extent = shape[axis]
            let step = steps?[index] ?? 1
            guard step != 0, step != Int.min else { throw operands.error(.shapeMismatch, "a step is \(step)") }
            func clamp(_ value: Int) -> Int {
                let counted = value < 0 ? value.addingReportingOverflow(extent).partialValue : value
                return step > 0 ? min(max(counted, 0), extent) : min(max(counted, -1), extent - 1)
            }
            let (first, last) = (clamp(starts[index]), clamp(ends[index]))
            let distance = step > 0 ? last - first : first - last
            let width = step.magnitude > UInt(Int32.max) ? Int(Int32.max) : Int(step.magnitude)
            result[axis] = (first, distance <= 0 ? 0 : (distance + width - 1) / width, step)
        }
        return result
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try operands.makeShape(try ranges(operands).map(\.count))
        return [TensorType(elementType: try operands.type(0).elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let input = try operands.shape(0)
        let ranges = try ranges(operands)
        let strides = Broadcasting.rowMajorStrides(input.dimensions)
        let origin = zip(ranges, strides).reduce(0) { $0 + ($1.0.count == 0 ? 0 : $1.0.first * $1.1) }
        // A step beyond the extent is taken at most once.
        let steps = zip(ranges, strides).map { $0.count <= 1 ? 0 : $0.step * $1 }
        let size = outputs[0].elementType.byteCount
        // The last axes that are taken whole are one run.
        var run = 1
        var rank = input.rank
        while rank > 0, ranges[rank - 1].count == input[rank - 1], ranges[rank - 1].step == 1 {
            rank -= 1
            run *= input[rank]
        }
        if rank > 0, ranges[rank - 1].step == 1 {
            rank -= 1
            run *= ranges[rank].count
        }
        let walk = StridedWalk(ranges[..<rank].map(\.count), strides: Array(steps[..<rank]))
        let bytes = run * size
        return Kernel { arguments in
            guard bytes > 0 else { return }
            let (source, target) = (arguments.rawInput(0) + origin * size, arguments.rawOutput(0))
            walk.forEach { position, offset in
                (target + position * bytes).copyMemory(from: source + offset * size, byteCount: bytes)
            }
        }
    }
}

/// Split (opset 2 to 18): parts of an axis, of given lengths, or as even as they can be.
struct SplitOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    private let axis: Int
    private let lengths: [Int]?
    private let outputCount: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: 0)
        lengths = try node.ints("split")
        outputCount = node.node.node.outputs.count
        let declared = try node.int("num_outputs", default: outputCount)
        guard declared == outputCount else {
            throw node.error(.invalidGraph, "num_outputs is \(declared), the node has \(outputCount) outputs")
        }
    }

    private func parts(_ operands: Operands) throws(GraphError) -> (axis: Int, lengths: [Int]) {
        let shape = try operands.shape(0)
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        var list = lengths
        if operands.has(1) { list = try operands.constantIntegers(1, meaning: "split") }
        let extent = shape[axis]
        let length = (extent + outputCount - 1) / outputCount
        let parts = list ?? (0..<outputCount).map { max(0, min(length, extent - $0 * length)) }
        var sum = 0
        for part in parts where part >= 0 { sum = sum.addingReportingOverflow(part).partialValue }
        guard parts.count == outputCount, parts.allSatisfy({ $0 >= 0 }), sum == extent else {
            throw operands.error(
                .shapeMismatch, "parts \(parts) do not make up the \(extent) of axis \(axis) in \(outputCount) outputs")
        }
        return (axis, parts)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let (axis, lengths) = try parts(operands)
        var result: [TensorType] = []
        for length in lengths {
            var dimensions = type.shape.dimensions
            dimensions[axis] = length
            result.append(TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions)))
        }
        return result
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let (axis, lengths) = try parts(operands)
        let outer = shape.dimensions[..<axis].reduce(1, *)
        let inner = shape.dimensions[(axis + 1)...].reduce(1, *) * outputs[0].elementType.byteCount
        let rowBytes = shape[axis] * inner
        return Kernel { arguments in
            var offset = 0
            for (index, length) in lengths.enumerated() where length * inner > 0 {
                for row in 0..<outer {
                    (arguments.rawOutput(index) + row * length * inner).copyMemory(
                        from: arguments.rawInput(0) + row * rowBytes + offset, byteCount: length * inner)
                }
                offset += length * inner
            }
        }
    }
}
