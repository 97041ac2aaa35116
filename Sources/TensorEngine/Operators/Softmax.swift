import CTensorKernels

/// Softmax: along one axis from opset 13 on (default the last); before, over all axes from `axis` (default 1) flattened
/// into one. A row with NaN or +infinity is all NaN.
struct SoftmaxOperator: Operator {
    private let axis: Int
    private let flattens: Bool

    /// For other element types than float32.
    private let general: AxisFunctionOperator

    init(_ node: inout NodeReader) throws(GraphError) {
        general = try AxisFunctionOperator(&node)
        flattens = node.operatorSetVersion < 13
        axis = try node.int("axis", default: flattens ? 1 : -1)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        try general.outputTypes(operands)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard outputs[0].elementType == .float32 else { return try general.kernel(operands, outputs: outputs) }
        let shape = outputs[0].shape
        let axis = try operands.normalizedAxis(axis, rank: shape.rank, allowingEnd: flattens)
        let outer = shape.dimensions[..<axis].reduce(1, *)
        let length = flattens ? shape.dimensions[axis...].reduce(1, *) : shape[axis]
        let inner = flattens ? 1 : shape.dimensions[(axis + 1)...].reduce(1, *)
        let kernels = operands.kernels
        if inner == 1 {
            return Kernel(placement: .inPlace([0])) { arguments in
                kernels.functions.softmax(arguments.input(0), arguments.output(0), outer, length)
            }
        }
        // A strided row is gathered, so that its sum runs in the same order as a contiguous one's.
        return Kernel(scratchByteCount: length * 4, placement: .inPlace([0])) { arguments in
            let row = arguments.scratch(as: Float.self)
            for o in 0..<outer {
                for i in 0..<inner {
                    let source = arguments.input(0, as: Float.self) + o * length * inner + i
                    let target = arguments.output(0, as: Float.self) + o * length * inner + i
                    for j in 0..<length { row[j] = source[j * inner] }
                    kernels.functions.softmax(row, row, 1, length)
                    for j in 0..<length { target[j * inner] = row[j] }
                }
            }
        }
    }
}
