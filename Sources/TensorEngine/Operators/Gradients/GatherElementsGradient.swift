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
