import CTensorKernels

/// Clip (opset 6 with attributes, from 11 on with inputs): bounds must be known before the run. NaN passes.
struct ClipOperator: Operator {
    private let attributes: (lower: Float, upper: Float)?

    init(_ node: inout NodeReader) throws(GraphError) {
        guard node.operatorSetVersion < 11 else {
            attributes = nil
            return
        }
        let lower = try node.float("min", default: -.greatestFiniteMagnitude)
        let upper = try node.float("max", default: .greatestFiniteMagnitude)
        attributes = (lower, upper)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, among: .float32)
        _ = try bounds(operands)
        return [type]
    }

    private func bounds(_ operands: Operands) throws(GraphError) -> (Float, Float) {
        if let attributes { return attributes }
        var result: (Float, Float) = (-.greatestFiniteMagnitude, .greatestFiniteMagnitude)
        if let lower = try bound(1, "min", operands) { result.0 = lower }
        if let upper = try bound(2, "max", operands) { result.1 = upper }
        return result
    }

    private func bound(_ index: Int, _ name: String, _ operands: Operands) throws(GraphError) -> Float? {
        guard operands.has(index) else { return nil }
        let operand = try operands.operand(index)
        _ = try operands.type(index, among: .float32)
        guard let constant = operand.constant, constant.shape.elementCount == 1 else {
            throw operands.error(
                .unsupported, "\(name) '\(operand.name)' is \(operand.type), expected a constant scalar")
        }
        return constant.withElements(Float.self) { $0[0] }
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (lower, upper) = try bounds(operands)
        let kernels = operands.kernels
        let count = outputs[0].shape.elementCount
        return Kernel(placement: .inPlace([0])) { arguments in
            kernels.functions.unary(MK_UNARY_CLIP, arguments.input(0), arguments.output(0), count, lower, upper)
        }
    }

    /// The bounds of a node during fusion, nil when they are not constants.
    func constantBounds(_ node: WorkNode, _ constants: [String: Tensor]) -> (Float, Float)? {
        if let attributes { return attributes }
        var result: [Float] = [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]
        for (index, name) in node.node.inputs.dropFirst().prefix(2).enumerated() where !name.isEmpty {
            guard let tensor = constants[name], tensor.elementType == .float32, tensor.shape.elementCount == 1 else {
                return nil
            }
            result[index] = tensor.withElements(Float.self) { $0[0] }
        }
        return (result[0], result[1])
    }
}
