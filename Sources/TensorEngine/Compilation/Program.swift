/// A rewritten graph with its operators made: what every plan is lowered from.
struct Program: Sendable {
    struct Operation: Sendable {
        let node: WorkNode
        let operation: any Operator
    }

    let operations: [Operation]
    let constants: [String: Tensor]
    let outputNames: [String]
    let kernels: KernelTable
    let packedWeights: PackedWeights
    let options: CompilationOptions

    init(
        _ graph: WorkGraph, kernels: KernelTable, packedWeights: PackedWeights, options: CompilationOptions
    ) throws(GraphError) {
        var operations: [Operation] = []
        for node in graph.nodes {
            let operation = try OperatorRegistry.makeOperator(node, operatorSetVersion: graph.operatorSetVersion)
            operations.append(Operation(node: node, operation: operation))
        }
        self.operations = operations
        self.constants = graph.constants
        self.outputNames = graph.outputs.map(\.name)
        self.kernels = kernels
        self.packedWeights = packedWeights
        self.options = options
    }

    init(
        operations: [Operation], constants: [String: Tensor], outputNames: [String], kernels: KernelTable,
        packedWeights: PackedWeights, options: CompilationOptions
    ) {
        (self.operations, self.constants, self.outputNames) = (operations, constants, outputNames)
        (self.kernels, self.packedWeights, self.options) = (kernels, packedWeights, options)
    }

    func propagation(_ inputs: [(name: String, type: TensorType)]) -> TypePropagation {
        TypePropagation(
            constants: constants, inputs: inputs.map { ($0.name, $0.type) }, kernels: kernels,
            packedWeights: packedWeights, options: options)
    }

    /// Every value's type for these inputs, and whether strings are read or made at run time.
    func types(
        _ inputs: [(name: String, type: TensorType)]
    ) throws(GraphError) -> (types: [String: TensorType], haveStrings: Bool) {
        var propagation = propagation(inputs)
        var haveStrings = false
        for operation in operations {
            let (operands, outputs, isConstant) = try propagation.visit(operation.node, operation.operation)
            if !isConstant, StringEvaluation.isNeeded(operands, outputs) { haveStrings = true }
        }
        return (propagation.types, haveStrings)
    }
}
