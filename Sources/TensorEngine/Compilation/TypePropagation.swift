/// Walks operations in order with exact types, and values as far as they are known before the run.
struct TypePropagation {
    let kernels: KernelTable
    let packedWeights: PackedWeights
    let limit: Int
    private(set) var types: [String: TensorType] = [:]
    private(set) var constants: [String: Tensor]
    private let graphConstants: [String: Tensor]

    init(
        constants: [String: Tensor], inputs: [(String, TensorType)], kernels: KernelTable,
        packedWeights: PackedWeights, limit: Int
    ) {
        self.kernels = kernels
        self.packedWeights = packedWeights
        self.limit = limit
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
        let operands = Operands(node: node, kernels: kernels, packedWeights: packedWeights, inputs: inputs)
        let outputs = try operation.outputTypes(operands)
        for (name, type) in zip(node.node.outputs, outputs) where !name.isEmpty {
            guard type.shape.elementCount <= limit else {
                throw node.error(
                    .limitExceeded,
                    "output '\(name)' of shape \(type.shape) has \(type.shape.elementCount) elements, at most \(limit) allowed"
                )
            }
            // Lists may be empty; for matrices it is a mistake, and products of some extents might overflow.
            guard type.shape.elementCount > 0 || type.shape.rank < 2 else {
                throw node.error(.shapeMismatch, "output '\(name)' of shape \(type.shape) has no elements")
            }
            types[name] = type
        }
        if let values = try known(operation, operands, outputs) {
            for (name, value) in zip(node.node.outputs, values) where !name.isEmpty { constants[name] = value }
            return (operands, outputs, true)
        }
        return (operands, outputs, false)
    }

    private func known(
        _ operation: any Operator, _ operands: Operands, _ outputs: [TensorType]
    ) throws(GraphError) -> [Tensor]? {
        if let values = try operation.constantOutputs(operands) { return values }
        guard operands.inputs.allSatisfy({ $0 == nil || $0?.constant != nil }) else { return nil }
        let kernel = try operation.kernel(operands, outputs: outputs)
        let fault = KernelFault()
        let values = Evaluator.run(kernel, inputs: operands.inputs.map { $0?.constant }, outputs: outputs, fault)
        if let message = fault.message { throw operands.error(.invalidValue, message) }
        return values
    }
}

/// Runs one kernel by itself, for constants.
enum Evaluator {
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
