/// A graph in an attribute of a node, ready to be interpreted. It reads values of the graphs around it: those names are
/// the node's captures, appended to its inputs.
final class Subgraph: Sendable {
    let inputNames: [String]
    let outputCount: Int
    private let operations: [Program.Operation]
    private let constants: [String: Tensor]
    private let outputNames: [String]

    init(_ graph: Graph, operatorSetVersion: Int) throws(GraphError) {
        var closed = graph
        for name in Self.freeNames(graph) {
            closed.inputs.append(ValueInfo(name: name, elementType: .float32, dimensions: []))
        }
        var operations: [Program.Operation] = []
        for node in try GraphValidator.sortedNodes(closed) {
            operations.append(
                Program.Operation(
                    node: node,
                    operation: try OperatorRegistry.makeOperator(node, operatorSetVersion: operatorSetVersion)))
        }
        self.operations = operations
        constants = graph.initializers
        inputNames = graph.inputs.map(\.name)
        outputNames = graph.outputs.map(\.name)
        outputCount = graph.outputs.count
    }

    /// - Parameter captures: the values of the graphs around it, by name.
    func run(
        _ inputs: [Tensor], captures: [String: Tensor], _ operands: Operands
    ) throws(GraphError) -> [Tensor] {
        var values = captures
        for (name, tensor) in zip(inputNames, inputs) { values[name] = tensor }
        // Its own table: names in here are not those outside.
        let program = Program(
            operations: operations, constants: constants, outputNames: outputNames, kernels: operands.kernels,
            packedWeights: PackedWeights(panelWidth: operands.kernels.panelWidth), options: operands.options)
        return try Interpreter.run(program, inputs: values)
    }

    /// Names that the graph and those inside of it read but do not define, in order.
    static func freeNames(_ graph: Graph) -> [String] {
        var defined = Set(graph.inputs.map(\.name)).union(graph.initializers.keys)
        for node in graph.nodes { defined.formUnion(node.outputs) }
        var result: [String] = []
        func read(_ name: String) {
            if !name.isEmpty, !defined.contains(name), !result.contains(name) { result.append(name) }
        }
        for node in graph.nodes {
            node.inputs.forEach(read)
            captures(of: node).forEach(read)
        }
        graph.outputs.map(\.name).forEach(read)
        return result
    }

    /// What the graphs in a node's attributes read from outside.
    static func captures(of node: Node) -> [String] {
        var result: [String] = []
        for key in node.attributes.keys.sorted() {
            guard case .graph(let graph)? = node.attributes[key] else { continue }
            for name in freeNames(graph) where !result.contains(name) { result.append(name) }
        }
        return result
    }
}

extension Operands {
    /// The operands that stand in the node itself.
    var explicitCount: Int { count - node.captures.count }

    /// The values that the node's graphs read from outside, by their names inside.
    func captures() throws(GraphError) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (index, name) in node.captures.enumerated() {
            result[name] = try constant(explicitCount + index, meaning: "value")
        }
        return result
    }
}

extension NodeReader {
    /// A required attribute that is a graph.
    mutating func subgraph(_ name: String) throws(GraphError) -> Subgraph {
        switch take(name) {
        case .graph(let graph)?: return try Subgraph(graph, operatorSetVersion: operatorSetVersion)
        case nil: throw error(.invalidGraph, "attribute '\(name)' is missing")
        case let found?: throw error(.invalidGraph, "attribute '\(name)' is of type \(found.typeName), expected graph")
        }
    }
}
