/// Walks operations in order with exact types, and values as far as they are known before the run.
struct TypePropagation {
    let kernels: KernelTable
    let packedWeights: PackedWeights
    let options: CompilationOptions
    private(set) var types: [String: TensorType] = [:]
    private(set) var constants: [String: Tensor]
    private let graphConstants: [String: Tensor]

    init(
        constants: [String: Tensor], inputs: [(String, TensorType)], kernels: KernelTable,
        packedWeights: PackedWeights, options: CompilationOptions
    ) {
        self.kernels = kernels
        self.packedWeights = packedWeights
        self.options = options
        self.constants = constants
        self.graphConstants = constants
        for (name, tensor) in constants {
            types[name] = TensorType(elementType: tensor.elementType, shape: tensor.shape)
        }
        for (name, type) in inputs { types[name] = type }
    }

    /// The operands of a node and its outputs' types; a node whose outputs are known now needs no step.
    mutating func visit(
        _ node: WorkNode, _ operation: any Operator
    ) throws(GraphError) -> (operands: Operands, outputs: [TensorType], isConstant: Bool) {
        var inputs: [Operands.Operand?] = []
        for name in node.node.inputs {
            guard !name.isEmpty else {
                inputs.append(nil)
                continue
            }
            guard let type = types[name] else {
                throw node.error(.invalidGraph, "input '\(name)' has no value")
            }
            inputs.append(
                Operands.Operand(
                    name: name, type: type, constant: constants[name], isGraphConstant: graphConstants[name] != nil))
        }
        let operands = Operands(
            node: node, kernels: kernels, packedWeights: packedWeights, inputs: inputs, options: options)
        if let whole = operation as? any WholeTensorOperator, operands.areKnown {
            let values = try StringEvaluation.run(whole, operands)
            for (name, value) in zip(node.node.outputs, values) where !name.isEmpty {
                constants[name] = value
                types[name] = TensorType(elementType: value.elementType, shape: value.shape)
            }
            return (operands, values.map { TensorType(elementType: $0.elementType, shape: $0.shape) }, true)
        }
        let outputs = try Self.outputTypes(operation, operands, limit: options.maximumTensorElementCount)
        for (name, type) in zip(node.node.outputs, outputs) where !name.isEmpty { types[name] = type }
        if let values = try known(operation, operands, outputs) {
            for (name, value) in zip(node.node.outputs, values) where !name.isEmpty { constants[name] = value }
            return (operands, outputs, true)
        }
        return (operands, outputs, false)
    }

    /// The outputs' types, within the limits.
    static func outputTypes(
        _ operation: any Operator, _ operands: Operands, limit: Int
    ) throws(GraphError) -> [TensorType] {
        let node = operands.node
        for case let operand? in operands.inputs {
            try checkEmptiness(operation, node, "input '\(operand.name)'", operand.type.shape)
        }
        try StringEvaluation.check(operation, operands)
        let outputs = try operation.outputTypes(operands)
        try StringEvaluation.check(operation, operands, outputs: outputs)
        for (name, type) in zip(node.node.outputs, outputs) where !name.isEmpty {
            guard type.shape.elementCount <= limit else {
                throw node.error(
                    .limitExceeded,
                    "output '\(name)' of shape \(type.shape) has \(type.shape.elementCount) elements, at most \(limit) allowed"
                )
            }
            try checkEmptiness(operation, node, "output '\(name)'", type.shape)
        }
        return outputs
    }

    /// Lists may be empty; matrices only where the operator has been made for it.
    private static func checkEmptiness(
        _ operation: any Operator, _ node: WorkNode, _ role: String, _ shape: Shape
    ) throws(GraphError) {
        guard shape.elementCount > 0 || shape.rank < 2 || type(of: operation).admitsEmpty else {
            throw node.error(.shapeMismatch, "\(role) of shape \(shape) has no elements")
        }
    }

    private func known(
        _ operation: any Operator, _ operands: Operands, _ outputs: [TensorType]
    ) throws(GraphError) -> [Tensor]? {
        if let values = try operation.constantOutputs(operands) { return values }
        guard operands.areKnown else { return nil }
        if StringEvaluation.isNeeded(operands, outputs) {
            return try StringEvaluation.run(operation, operands, outputs)
        }
        return try Evaluator.run(operation, operands, outputs)
    }
}

/// Runs one kernel by itself, for constants.
enum Evaluator {
    /// An operator's outputs when all of its operands are known.
    static func run(
        _ operation: any Operator, _ operands: Operands, _ outputs: [TensorType]
    ) throws(GraphError) -> [Tensor] {
        let kernel = try operation.kernel(operands, outputs: outputs)
        let fault = KernelFault()
        let values = run(kernel, inputs: operands.inputs.map { $0?.constant }, outputs: outputs, fault)
        if let message = fault.message { throw operands.error(.invalidValue, message) }
        return values
    }

    static func run(_ kernel: Kernel, inputs: [Tensor?], outputs: [TensorType], _ fault: KernelFault) -> [Tensor] {
        var results = outputs.map { Tensor($0.elementType, shape: $0.shape) { _ in } }
        if case .alias(let index) = kernel.placement, let input = inputs[index] {
            return outputs.map { type in
                Tensor(type.elementType, shape: type.shape) { target in
                    input.withBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
                }
            }
        }
        let scratch = Tensor(zeros: .uint8, shape: Shape(count: kernel.scratchByteCount))
        var pointers: [UnsafeMutableRawPointer?] = inputs.map { tensor in
            tensor?.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
        }
        for index in results.indices { pointers.append(results[index].withMutableBytes { $0.baseAddress }) }
        let outputSlots = Array(inputs.count..<inputs.count + outputs.count)
        withExtendedLifetime((inputs, results, scratch)) {
            pointers.withUnsafeMutableBufferPointer { table in
                guard let base = table.baseAddress else { return }
                let memory = scratch.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
                kernel.body(
                    KernelArguments(
                        pointers: base, inputSlots: Array(inputs.indices), outputSlots: outputSlots, scratch: memory,
                        fault: fault))
            }
        }
        return results
    }
}

extension Shape {
    /// One dimension of a count that is known to be valid.
    init(count: Int) { self = [count] }
}
