import CTensorKernels

/// GatherGradient, the engine's own: the gradient of the table of Gather (attribute `axis`) or RowLookup (`isLookup` 1, axis
/// 0), from that of the output, the table (only its shape is read) and the indices. What several indices took of one slice
/// adds up in their order.
struct GatherGradientOperator: Operator {
    private let axis: Int
    private let isLookup: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: 0)
        isLookup = try node.bool("isLookup", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let data = try operands.type(1, among: flow.elementType)
        let indices = isLookup ? try operands.type(2, among: .float32, .int32, .int64) : try operands.indexType(2)
        let axis = try operands.normalizedAxis(axis, rank: data.shape.rank)
        let expected =
            data.shape.dimensions[..<axis] + indices.shape.dimensions + data.shape.dimensions[(axis + 1)...]
        guard flow.shape.dimensions == Array(expected) else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), expected \(Array(expected))")
        }
        return [data]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let axis = try operands.normalizedAxis(axis, rank: shape.rank)
        let indices = try operands.type(2)
        let visitor = Visitor(
            outer: shape.dimensions[..<axis].reduce(1, *), extent: shape[axis],
            inner: shape.dimensions[(axis + 1)...].reduce(1, *), indexType: indices.elementType,
            count: indices.shape.elementCount, isLookup: isLookup, kernels: operands.kernels)
        return try operands.visitGradient(outputs[0].elementType, visitor)
    }

    private struct Visitor: GradientVisitor {
        let (outer, extent, inner): (Int, Int, Int)
        let indexType: ElementType
        let count: Int
        let isLookup: Bool
        let kernels: KernelTable

        init(
            outer: Int, extent: Int, inner: Int, indexType: ElementType, count: Int, isLookup: Bool,
            kernels: KernelTable
        ) {
            (self.outer, self.extent, self.inner) = (outer, extent, inner)
            (self.indexType, self.count, self.isLookup, self.kernels) = (indexType, count, isLookup, kernels)
        }

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let visitor = self
            return Kernel { arguments in
                let flow = arguments.input(0, as: E.self)
                let output = arguments.output(0, as: E.self)
                output.update(repeating: 0, count: visitor.outer * visitor.extent * visitor.inner)
                for position in 0..<visitor.count {
                    guard let index = visitor.index(position, arguments.rawInput(2), arguments.fault) else { continue }
                    for block in 0..<visitor.outer {
                        let source = flow + (block * visitor.count + position) * visitor.inner
                        let target = output + (block * visitor.extent + index) * visitor.inner
                        visitor.kernels.accumulate(source, into: target, count: visitor.inner)
                    }
                }
            }
        }

        private func index(_ position: Int, _ indices: UnsafeRawPointer, _ fault: KernelFault) -> Int? {
            guard isLookup else {
                return IndexValues(indices, indexType).index(position, extent: extent, fault)
            }
            let found: Int? =
                switch indexType {
                case .int64: Int(indices.load(fromByteOffset: position * 8, as: Int64.self))
                case .int32: Int(indices.load(fromByteOffset: position * 4, as: Int32.self))
                default:
                    Int(exactly: indices.load(fromByteOffset: position * 4, as: Float.self).rounded(.towardZero))
                }
            guard let found, (0..<extent).contains(found) else {
                fault.set("the identifier at position \(position) is outside [0, \(extent - 1)]")
                return nil
            }
            return found
        }
    }
}

extension KernelTable {
    /// Adds `count` elements to others.
    @inline(__always)
    func accumulate<E: GradientElement>(
        _ source: UnsafePointer<E>, into target: UnsafeMutablePointer<E>, count: Int
    ) {
        for index in 0..<count { target[index] += source[index] }
    }
}

/// GatherElementsGradient and GatherNDGradient, the engine's own: the gradient of the data of GatherElements (`axis`) and
/// GatherND (`batch_dims`), from that of the output, the data (only its shape is read) and the indices.
struct GatherElementsGradientOperator: Operator {
    private let axis: Int
    private let batchCount: Int
    private let takesTuples: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        takesTuples = node.node.node.operatorType == "GatherNDGradient"
        axis = takesTuples ? 0 : try node.int("axis", default: 0)
        batchCount = takesTuples ? try node.int("batch_dims", default: 0) : 0
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let data = try operands.type(1, among: flow.elementType)
        let indices = try operands.indexType(2).shape
        var expected = indices.dimensions
        if takesTuples {
            let tuples = try TuplePlaces(data.shape, indices, batchCount: batchCount, operands)
            expected = Array(indices.dimensions.dropLast()) + tuples.sliceDimensions
        } else {
            _ = try ElementPlaces(data.shape, indices, axis: axis, operands)
        }
        guard flow.shape.dimensions == expected else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), expected \(expected)")
        }
        return [data]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let indices = try operands.indexType(2)
        let count = outputs[0].shape.elementCount
        if takesTuples {
            let tuples = try TuplePlaces(outputs[0].shape, indices.shape, batchCount: batchCount, operands)
            let visitor = TupleVisitor(
                tuples: tuples, indexType: indices.elementType, count: count, kernels: operands.kernels)
            return try operands.visitGradient(outputs[0].elementType, visitor)
        }
        let places = try ElementPlaces(outputs[0].shape, indices.shape, axis: axis, operands)
        return try operands.visitGradient(
            outputs[0].elementType, ElementVisitor(places: places, indexType: indices.elementType, count: count))
    }

    private struct ElementVisitor: GradientVisitor {
        let places: ElementPlaces
        let indexType: ElementType
        let count: Int

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (places, indexType, count) = (places, indexType, count)
            return Kernel { arguments in
                let values = IndexValues(arguments.rawInput(2), indexType)
                let (flow, output) = (arguments.input(0, as: E.self), arguments.output(0, as: E.self))
                output.update(repeating: 0, count: count)
                let fault = arguments.fault
                places.walk.forEach { position, offset in
                    guard let index = values.index(position, extent: places.extent, fault) else { return }
                    output[offset + index * places.stride] += flow[position]
                }
            }
        }
    }

    private struct TupleVisitor: GradientVisitor {
        let tuples: TuplePlaces
        let indexType: ElementType
        let count: Int
        let kernels: KernelTable

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (tuples, indexType, count, kernels) = (tuples, indexType, count, kernels)
            return Kernel { arguments in
                let values = IndexValues(arguments.rawInput(2), indexType)
                let (flow, output) = (arguments.input(0, as: E.self), arguments.output(0, as: E.self))
                output.update(repeating: 0, count: count)
                for tuple in 0..<(tuples.sliceCount == 0 ? 0 : tuples.count) {
                    guard let offset = tuples.offset(tuple, values, arguments.fault) else { continue }
                    kernels.accumulate(
                        flow + tuple * tuples.sliceCount, into: output + offset, count: tuples.sliceCount)
                }
            }
        }
    }
}
