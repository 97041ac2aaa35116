/// Runs a program node by node with every value known, for graphs whose shapes depend on values, or which have strings.
/// Types, shapes and kernels are those of plans; memory is allocated for every value and freed after its last use.
enum Interpreter {
    /// - Parameter inputs: the graph's inputs by name, and what a graph inside of it reads from the outer one.
    /// - Throws: ``GraphError`` naming the node, among others when the values that live at one time take more than
    ///   `maximumArenaByteCount`.
    static func run(_ program: Program, inputs: [String: Tensor]) throws(GraphError) -> [Tensor] {
        var uses: [String: Int] = [:]
        for operation in program.operations {
            for name in operation.node.node.inputs { uses[name, default: 0] += 1 }
        }
        for name in program.outputNames { uses[name, default: 0] += 1 }
        var values = inputs
        var liveBytes = 0
        for operation in program.operations {
            let node = operation.node
            let operands = try operands(node, program, values)
            let results = try results(operation.operation, operands, program)
            for (name, result) in zip(node.node.outputs, results) where uses[name] != nil {
                guard result.shape.elementCount <= program.options.maximumTensorElementCount else {
                    throw node.error(
                        .limitExceeded,
                        "output '\(name)' of shape \(result.shape) has more than the "
                            + "\(program.options.maximumTensorElementCount) elements that are allowed")
                }
                values[name] = result
                liveBytes += result.byteCount
            }
            guard liveBytes <= program.options.maximumArenaByteCount else {
                throw node.error(
                    .limitExceeded,
                    "intermediate values take more than the \(program.options.maximumArenaByteCount) bytes that are allowed"
                )
            }
            for name in node.node.inputs {
                guard let left = uses[name] else { continue }
                uses[name] = left - 1
                if left == 1, inputs[name] == nil, let value = values.removeValue(forKey: name) {
                    liveBytes -= value.byteCount
                }
            }
        }
        var outputs: [Tensor] = []
        for name in program.outputNames {
            guard let value = values[name] ?? program.constants[name] else {
                throw GraphError(.invalidGraph, "graph output '\(name)' is made by no node")
            }
            outputs.append(value)
        }
        return outputs
    }

    private static func results(
        _ operation: any Operator, _ operands: Operands, _ program: Program
    ) throws(GraphError) -> [Tensor] {
        if let operation = operation as? any WholeTensorOperator {
            return try StringEvaluation.run(operation, operands)
        }
        let types = try TypePropagation.outputTypes(
            operation, operands, limit: program.options.maximumTensorElementCount)
        if let results = try operation.constantOutputs(operands) { return results }
        if StringEvaluation.isNeeded(operands, types) { return try StringEvaluation.run(operation, operands, types) }
        return try Evaluator.run(operation, operands, types)
    }

    private static func operands(
        _ node: WorkNode, _ program: Program, _ values: [String: Tensor]
    ) throws(GraphError) -> Operands {
        var inputs: [Operands.Operand?] = []
        for name in node.node.inputs {
            guard !name.isEmpty else {
                inputs.append(nil)
                continue
            }
            let constant = program.constants[name]
            guard let value = values[name] ?? constant else {
                throw node.error(.invalidGraph, "input '\(name)' has no value")
            }
            let type = TensorType(elementType: value.elementType, shape: value.shape)
            inputs.append(
                Operands.Operand(
                    name: name, type: type, constant: value, isGraphConstant: values[name] == nil))
        }
        return Operands(
            node: node, kernels: program.kernels, packedWeights: program.packedWeights, inputs: inputs,
            options: program.options)
    }
}
