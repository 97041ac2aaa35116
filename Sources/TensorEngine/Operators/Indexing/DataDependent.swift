/// NonZero (opset 9, 13): the indices of the elements that are not zero, one column each.
struct NonZeroOperator: WholeTensorOperator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let x = try operands.constant(0, meaning: "input")
        let size = x.elementType.byteCount
        let isFloat = x.elementType.isFloatingPoint
        let strides = Broadcasting.rowMajorStrides(x.shape.dimensions)
        let found = x.withBytes { bytes in
            (0..<x.shape.elementCount).filter { index in
                let element = bytes[index * size..<(index + 1) * size]
                // Negative zero is zero.
                if isFloat, let last = element.last {
                    return last & 0x7F != 0 || element.dropLast().contains { $0 != 0 }
                }
                return element.contains { $0 != 0 }
            }
        }
        // A scalar has no axes to have an index on; ONNX counts it as a list of one.
        let extents = x.shape.rank == 0 ? [1] : x.shape.dimensions
        let steps = x.shape.rank == 0 ? [1] : strides
        var indices: [Int64] = []
        for (extent, step) in zip(extents, steps) { indices += found.map { Int64($0 / step % max(extent, 1)) } }
        let shape = try operands.makeShape([extents.count, found.count])
        return [
            Tensor(.int64, shape: shape) { target in
                indices.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            }
        ]
    }
}

/// Compress (opset 9, 11): the slices of an axis, or the elements, whose condition is true.
struct CompressOperator: WholeTensorOperator {
    static var strings: StringHandling { .moved }
    private let axis: Int?

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = node.node.node.attributes["axis"] == nil ? nil : try node.int("axis", default: 0)
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let x = try operands.constant(0, meaning: "input")
        let condition = try operands.constant(1, meaning: "condition")
        guard condition.elementType == .bool else {
            throw operands.error(.shapeMismatch, "the condition is \(condition.elementType.rawValue), expected bool")
        }
        var shape = x.shape
        var place = 0
        if let axis {
            place = try operands.normalizedAxis(axis, rank: shape.rank)
        } else {
            shape = try operands.makeShape([shape.elementCount])
        }
        let flags = condition.withElements(Bool.self) { Array($0) }
        guard flags.count <= shape[place] else {
            throw operands.error(
                .shapeMismatch,
                "the condition has \(flags.count) elements, axis \(place) of \(shape) has \(shape[place])")
        }
        let chosen = flags.indices.filter { flags[$0] }
        let outer = shape.dimensions[..<place].reduce(1, *)
        let bytes = shape.dimensions[(place + 1)...].reduce(1, *) * x.elementType.byteCount
        var dimensions = shape.dimensions
        dimensions[place] = chosen.count
        let extent = shape[place]
        return [
            Tensor(x.elementType, shape: try operands.makeShape(dimensions)) { target in
                x.withBytes { source in
                    guard let from = source.baseAddress, let to = target.baseAddress, bytes > 0 else { return }
                    for row in 0..<outer {
                        for (position, index) in chosen.enumerated() {
                            (to + (row * chosen.count + position) * bytes).copyMemory(
                                from: from + (row * extent + index) * bytes, byteCount: bytes)
                        }
                    }
                }
            }
        ]
    }
}

/// Unique (opset 11, 28): the distinct elements, or slices of an axis, sorted or in the order of their first places; with
/// first places, inverse and counts.
struct UniqueOperator: WholeTensorOperator {
    static var strings: StringHandling { .moved }
    private let axis: Int?
    private let sorts: Bool
    private let outputCount: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = node.node.node.attributes["axis"] == nil ? nil : try node.int("axis", default: 0)
        sorts = try node.bool("sorted", default: true)
        outputCount = node.node.node.outputs.count
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        var x = try operands.constant(0, meaning: "input")
        var place = 0
        if let axis {
            place = try operands.normalizedAxis(axis, rank: x.shape.rank)
        } else {
            do throws(TensorError) { x = try x.reshaped(to: Shape([x.shape.elementCount])) } catch {
                throw operands.error(.shapeMismatch, error.description)
            }
        }
        // Slices as rows of their own.
        let order = [place] + x.shape.dimensions.indices.filter { $0 != place }
        guard let moved = x.transposed(order) else { throw operands.error(.shapeMismatch, "cannot be transposed") }
        let count = moved.shape[0]
        let width = moved.shape.dimensions.dropFirst().reduce(1, *)
        guard let values = moved.converted(to: .float64)?.withElements(Double.self, { Array($0) })
        else { throw operands.error(.unsupported, "element type \(x.elementType.rawValue)") }
        func precedes(_ a: Int, _ b: Int) -> Bool? {
            for index in 0..<width {
                let (left, right) = (values[a * width + index], values[b * width + index])
                if left != right, !(left.isNaN && right.isNaN) { return right.isNaN || left < right }
            }
            return nil
        }
        // Equal ones become neighbours, the first place first.
        let sorted = (0..<count).sorted { precedes($0, $1) ?? ($0 < $1) }
        var groups: [[Int]] = []
        for index in sorted {
            if let last = groups.last?.first, precedes(last, index) == nil {
                groups[groups.count - 1].append(index)
            } else {
                groups.append([index])
            }
        }
        if !sorts { groups.sort { $0[0] < $1[0] } }
        var inverse = [Int64](repeating: 0, count: count)
        for (position, group) in groups.enumerated() { for index in group { inverse[index] = Int64(position) } }
        let bytes = width * x.elementType.byteCount
        var dimensions = moved.shape.dimensions
        dimensions[0] = groups.count
        let chosen = Tensor(x.elementType, shape: try operands.makeShape(dimensions)) { target in
            moved.withBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress, bytes > 0 else { return }
                for (position, group) in groups.enumerated() {
                    (to + position * bytes).copyMemory(from: from + group[0] * bytes, byteCount: bytes)
                }
            }
        }
        var back = Array(1..<max(order.count, 1))
        back.insert(0, at: place)
        guard let result = chosen.transposed(back) else { throw operands.error(.shapeMismatch, "cannot be transposed") }
        func list(_ values: [Int64]) throws(GraphError) -> Tensor {
            let shape = try operands.makeShape([values.count])
            return Tensor(.int64, shape: shape) { target in
                values.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            }
        }
        let all = [
            result, try list(groups.map { Int64($0[0]) }), try list(inverse), try list(groups.map { Int64($0.count) }),
        ]
        return Array(all[..<min(outputCount, 4)])
    }
}
