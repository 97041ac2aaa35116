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
