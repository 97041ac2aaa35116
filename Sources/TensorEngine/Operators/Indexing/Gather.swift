/// Gather (opset 1 to 13): slices of an axis by index, of every element type.
struct GatherOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    private let axis: Int

    init(_ node: inout NodeReader) throws(GraphError) { axis = try node.int("axis", default: 0) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        let axis = try operands.normalizedAxis(axis, rank: data.shape.rank)
        let dimensions =
            data.shape.dimensions[..<axis] + indices.shape.dimensions + data.shape.dimensions[(axis + 1)...]
        return [TensorType(elementType: data.elementType, shape: try operands.makeShape(Array(dimensions)))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        let axis = try operands.normalizedAxis(axis, rank: data.shape.rank)
        let outer = data.shape.dimensions[..<axis].reduce(1, *)
        let extent = data.shape[axis]
        let bytes = data.shape.dimensions[(axis + 1)...].reduce(1, *) * data.elementType.byteCount
        let count = indices.shape.elementCount
        let isEmpty = outputs[0].shape.elementCount == 0
        return Kernel { arguments in
            if isEmpty { return }
            let places = IndexValues(arguments.rawInput(1), indices.elementType)
            let (source, target) = (arguments.rawInput(0), arguments.rawOutput(0))
            for position in 0..<count {
                guard let index = places.index(position, extent: extent, arguments.fault) else { continue }
                for block in 0..<outer {
                    (target + (block * count + position) * bytes).copyMemory(
                        from: source + (block * extent + index) * bytes, byteCount: bytes)
                }
            }
        }
    }
}

/// GatherElements (opset 11, 13): elements whose position along an axis is given for each.
struct GatherElementsOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    private let axis: Int

    init(_ node: inout NodeReader) throws(GraphError) { axis = try node.int("axis", default: 0) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        _ = try ElementPlaces(data.shape, indices.shape, axis: axis, operands)
        return [TensorType(elementType: data.elementType, shape: indices.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        let places = try ElementPlaces(data.shape, indices.shape, axis: axis, operands)
        let size = data.elementType.byteCount
        return Kernel { arguments in
            let positions = IndexValues(arguments.rawInput(1), indices.elementType)
            let (source, target) = (arguments.rawInput(0), arguments.rawOutput(0))
            places.walk.forEach { position, offset in
                guard let index = positions.index(position, extent: places.extent, arguments.fault) else { return }
                (target + position * size).copyMemory(
                    from: source + (offset + index * places.stride) * size, byteCount: size)
            }
        }
    }
}

/// Where the elements of `data` lie that indices along an axis mean.
struct ElementPlaces: Sendable {
    /// Over the indices, with the offset in `data` of the axis's first element.
    let walk: StridedWalk
    let extent: Int
    /// Elements between neighbours of the axis.
    let stride: Int

    init(_ data: Shape, _ indices: Shape, axis: Int, _ operands: Operands) throws(GraphError) {
        let axis = try operands.normalizedAxis(axis, rank: data.rank)
        guard indices.rank == data.rank,
            indices.dimensions.indices.allSatisfy({ $0 == axis || indices[$0] <= data[$0] })
        else {
            throw operands.error(
                .shapeMismatch, "indices of shape \(indices) do not fit data of shape \(data) along axis \(axis)")
        }
        var strides = Broadcasting.rowMajorStrides(data.dimensions)
        (extent, stride) = (data[axis], strides[axis])
        strides[axis] = 0
        walk = StridedWalk(indices.dimensions, strides: strides)
    }
}

/// GatherND (opset 11 to 13): slices by tuples of indices.
struct GatherNDOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    private let batchCount: Int

    init(_ node: inout NodeReader) throws(GraphError) { batchCount = try node.int("batch_dims", default: 0) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let data = try operands.type(0)
        let indices = try operands.indexType(1).shape
        let tuples = try TuplePlaces(data.shape, indices, batchCount: batchCount, operands)
        let dimensions = Array(indices.dimensions.dropLast()) + tuples.sliceDimensions
        return [TensorType(elementType: data.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let data = try operands.type(0)
        let indices = try operands.indexType(1)
        let tuples = try TuplePlaces(data.shape, indices.shape, batchCount: batchCount, operands)
        let bytes = tuples.sliceCount * data.elementType.byteCount
        let isEmpty = outputs[0].shape.elementCount == 0
        return Kernel { arguments in
            if isEmpty { return }
            let values = IndexValues(arguments.rawInput(1), indices.elementType)
            let (source, target) = (arguments.rawInput(0), arguments.rawOutput(0))
            for tuple in 0..<tuples.count {
                guard let offset = tuples.offset(tuple, values, arguments.fault) else { continue }
                (target + tuple * bytes).copyMemory(
                    from: source + offset * data.elementType.byteCount, byteCount: bytes)
            }
        }
    }
}

/// Where the slices of `data` begin that tuples of indices mean.
struct TuplePlaces: Sendable {
    let count: Int
    let sliceDimensions: [Int]
    let sliceCount: Int
    private let extents: [Int]
    private let strides: [Int]
    private let batchStride: Int
    private let tuplesPerBatch: Int

    init(_ data: Shape, _ indices: Shape, batchCount: Int, _ operands: Operands) throws(GraphError) {
        guard let length = indices.dimensions.last, batchCount >= 0, batchCount < indices.rank,
            batchCount + length <= data.rank, indices.dimensions[..<batchCount] == data.dimensions[..<batchCount]
        else {
            throw operands.error(
                .shapeMismatch,
                "indices of shape \(indices) do not fit data of shape \(data) with \(batchCount) batch dimensions")
        }
        let all = Broadcasting.rowMajorStrides(data.dimensions)
        extents = Array(data.dimensions[batchCount..<batchCount + length])
        strides = Array(all[batchCount..<batchCount + length])
        sliceDimensions = Array(data.dimensions[(batchCount + length)...])
        sliceCount = sliceDimensions.reduce(1, *)
        count = indices.dimensions.dropLast().reduce(1, *)
        let batches = indices.dimensions[..<batchCount].reduce(1, *)
        tuplesPerBatch = max(1, count / max(batches, 1))
        batchStride = data.dimensions[batchCount...].reduce(1, *)
    }

    func offset(_ tuple: Int, _ values: IndexValues, _ fault: KernelFault) -> Int? {
        var offset = tuple / tuplesPerBatch * batchStride
        for (place, extent) in extents.enumerated() {
            guard let index = values.index(tuple * extents.count + place, extent: extent, fault) else { return nil }
            offset += index * strides[place]
        }
        return offset
    }
}
