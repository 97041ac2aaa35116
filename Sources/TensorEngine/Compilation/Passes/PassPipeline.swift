/// The rewrites of a graph, in order. Each keeps the graph's meaning; fused arithmetic may round differently from the
/// separate operators, always in the same way.
enum PassPipeline {
    /// - Parameter types: value types for some input extents, where a rewrite needs a rank; nil when none are known.
    static func run(
        _ graph: inout WorkGraph, types: [String: TensorType]?, program: Program
    ) throws(GraphError) {
        try ConstantFolding.run(&graph, program)
        IdentityRemoval.run(&graph)
        try TransposeElimination.run(&graph, types: types ?? [:])
        BatchNormalizationFolding.run(&graph, types: types ?? [:])
        BiasFusion.run(&graph, types: types ?? [:])
        ActivationFusion.run(&graph, types: types ?? [:])
        DeadCodeRemoval.run(&graph)
    }
}

/// Replaces nodes whose operands are all constants by their results.
enum ConstantFolding {
    static func run(_ graph: inout WorkGraph, _ program: Program) throws(GraphError) {
        var propagation = TypePropagation(
            constants: graph.constants, inputs: [], kernels: program.kernels, packedWeights: program.packedWeights,
            options: program.options)
        var remaining: [WorkNode] = []
        for node in graph.nodes {
            guard node.node.inputs.allSatisfy({ $0.isEmpty || propagation.constants[$0] != nil }) else {
                remaining.append(node)
                continue
            }
            let operation = try OperatorRegistry.makeOperator(node, operatorSetVersion: graph.operatorSetVersion)
            if try !propagation.visit(node, operation).isConstant { remaining.append(node) }
        }
        graph.nodes = remaining
        graph.constants = propagation.constants
    }
}

/// Removes Identity and Dropout, except where they make a graph output.
enum IdentityRemoval {
    static func run(_ graph: inout WorkGraph) {
        for node in graph.nodes {
            // Dropout's third operand may ask for training mode, which must not be lost.
            guard node.node.operatorType == "Identity" || node.node.operatorType == "Dropout",
                node.node.inputs.count < 3 || node.node.inputs[2].isEmpty
            else { continue }
            guard let input = node.node.inputs.first, let output = node.node.outputs.first else { continue }
            graph.replaceUses(of: output, with: input)
        }
        DeadCodeRemoval.run(&graph)
    }
}

/// Removes nodes and constants that no graph output depends on.
enum DeadCodeRemoval {
    static func run(_ graph: inout WorkGraph) {
        var needed = Set(graph.outputs.map(\.name))
        var kept: [WorkNode] = []
        for node in graph.nodes.reversed() where node.node.outputs.contains(where: needed.contains) {
            needed.formUnion(node.node.inputs)
            kept.append(node)
        }
        graph.nodes = kept.reversed()
        graph.constants = graph.constants.filter { needed.contains($0.key) }
    }
}
