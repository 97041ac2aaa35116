import CTensorKernels

/// Expand (opset 8, 13): broadcasts to a shape. Tile (opset 6, 13): repeats along each axis. Of every element type.
struct ReplicationOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    private let expands: Bool

    init(_ node: inout NodeReader) throws(GraphError) { expands = node.node.node.operatorType == "Expand" }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let list = try operands.constantIntegers(1, meaning: expands ? "shape" : "repeats")
        guard list.allSatisfy({ $0 >= 0 }) else {
            throw operands.error(.shapeMismatch, "\(expands ? "shape" : "repeats") is \(list), expected none below 0")
        }
        let dimensions: [Int]
        if expands {
            guard let both = Broadcasting.shape(type.shape.dimensions, list) else {
                throw operands.error(.shapeMismatch, "\(type.shape) does not broadcast to \(list)")
            }
            dimensions = both
        } else {
            guard list.count == type.shape.rank else {
                throw operands.error(.shapeMismatch, "found \(list.count) repeats, expected \(type.shape.rank)")
            }
            dimensions = zip(list, type.shape.dimensions).map { $0.multipliedReportingOverflow(by: $1).partialValue }
            // A product that overflows is caught by the sum of its parts.
            guard zip(list, type.shape.dimensions).allSatisfy({ !$0.multipliedReportingOverflow(by: $1).overflow })
            else { throw operands.error(.limitExceeded, "repeats \(list) of \(type.shape) overflow") }
        }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let target = outputs[0].shape
        if target.elementCount == 0 { return Kernel { _ in } }
        var extents: [Int] = []
        var strides: [Int] = []
        if expands {
            extents = target.dimensions
            strides = Broadcasting.strides(of: shape.dimensions, broadcastTo: target.dimensions)
        } else {
            // Each axis twice: which repeat, and where in it.
            let steps = Broadcasting.rowMajorStrides(shape.dimensions)
            for axis in shape.dimensions.indices {
                extents += [target[axis] / shape[axis], shape[axis]]
                strides += [0, steps[axis]]
            }
        }
        return .stridedCopy(extents, strides, outputs[0].elementType)
    }
}

extension Kernel {
    /// Copies the first operand's elements in another order.
    static func stridedCopy(_ extents: [Int], _ strides: [Int], _ type: ElementType) -> Kernel {
        var (kept, steps): ([Int], [Int]) = ([], [])
        for (extent, stride) in zip(extents, strides) where extent != 1 {
            // Axes that stay neighbours are one.
            if let last = steps.last, last == stride * extent {
                kept[kept.count - 1] *= extent
                steps[steps.count - 1] = stride
            } else {
                kept.append(extent)
                steps.append(stride)
            }
        }
        if kept.isEmpty { (kept, steps) = ([1], [1]) }
        let (finalExtents, finalSteps, size) = (kept, steps, type.byteCount)
        return Kernel { arguments in
            mk_strided_copy(
                size, finalExtents.count, finalExtents, finalSteps, arguments.rawInput(0), arguments.rawOutput(0))
        }
    }
}

/// DepthToSpace (opset 1 to 28) and SpaceToDepth (opset 1 to 28): blocks of channels to blocks of pixels and back.
struct BlockOperator: Operator {
    private let toSpace: Bool
    private let block: Int
    private let isDepthFirst: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        toSpace = node.node.node.operatorType == "DepthToSpace"
        block = try node.int("blocksize", default: 0)
        let mode = try node.string("mode", default: "DCR")
        guard block > 0, block <= 1 << 16 else {
            throw node.error(.invalidGraph, "attribute 'blocksize' is \(block), expected 1 to 65536")
        }
        guard ["DCR", "CRD"].contains(mode) else {
            throw node.error(.invalidGraph, "attribute 'mode' is '\(mode)', expected DCR or CRD")
        }
        isDepthFirst = mode == "DCR"
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let shape = type.shape
        guard shape.rank == 4 else {
            throw operands.error(.shapeMismatch, "input is \(shape), expected four dimensions")
        }
        let area = block * block
        guard toSpace ? shape[1] % area == 0 : shape[2] % block == 0 && shape[3] % block == 0 else {
            throw operands.error(.shapeMismatch, "\(shape) cannot be divided into blocks of \(block)")
        }
        let dimensions =
            toSpace
            ? [shape[0], shape[1] / area, shape[2] * block, shape[3] * block]
            : [shape[0], shape[1] * area, shape[2] / block, shape[3] / block]
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let target = outputs[0].shape
        if target.elementCount == 0 { return Kernel { _ in } }
        let box: [Int]
        let order: [Int]
        if toSpace {
            let depth = target[1]
            box =
                isDepthFirst
                ? [shape[0], block, block, depth, shape[2], shape[3]]
                : [shape[0], depth, block, block, shape[2], shape[3]]
            order = isDepthFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]
        } else {
            box = [shape[0], shape[1], target[2], block, target[3], block]
            order = isDepthFirst ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4]
        }
        let strides = Broadcasting.rowMajorStrides(box)
        return .stridedCopy(order.map { box[$0] }, order.map { strides[$0] }, outputs[0].elementType)
    }
}
