/// Checks a graph's structure and sorts its nodes.
enum GraphValidator {
    /// The nodes in topological order.
    /// - Throws: ``GraphError`` for duplicated names, values nobody makes, and cycles, naming the node.
    static func sortedNodes(_ graph: Graph) throws(GraphError) -> [WorkNode] {
        let nodes = graph.nodes.map(WorkNode.init)
        let producers = try producers(graph, nodes)
        let known = Set(graph.inputs.map(\.name)).union(graph.initializers.keys)
        for node in nodes {
            for input in node.node.inputs where !input.isEmpty {
                guard known.contains(input) || producers[input] != nil else {
                    throw node.error(
                        .invalidGraph, "input '\(input)' is neither an input, a constant nor an output of a node")
                }
            }
        }
        for output in graph.outputs {
            guard known.contains(output.name) || producers[output.name] != nil else {
                throw GraphError(.invalidGraph, "graph output '\(output.name)' is made by no node")
            }
        }
        guard !graph.outputs.isEmpty else { throw GraphError(.invalidGraph, "the graph has no outputs") }
        return try sort(nodes, producers)
    }

    /// The node that makes each value.
    private static func producers(_ graph: Graph, _ nodes: [WorkNode]) throws(GraphError) -> [String: Int] {
        var values = Set<String>()
        for input in graph.inputs {
            guard !input.name.isEmpty else { throw GraphError(.invalidGraph, "a graph input has no name") }
            guard values.insert(input.name).inserted else {
                throw GraphError(.invalidGraph, "two graph inputs are named '\(input.name)'")
            }
            for case .fixed(let extent) in input.dimensions where extent < 0 {
                throw GraphError(
                    .invalidGraph, "graph input '\(input.name)' has extent \(extent), expected none below 0")
            }
        }
        for name in graph.initializers.keys.sorted() {
            guard values.insert(name).inserted else {
                throw GraphError(.invalidGraph, "constant '\(name)' has the name of a graph input")
            }
        }
        var outputs = Set<String>()
        for output in graph.outputs where !outputs.insert(output.name).inserted {
            throw GraphError(.invalidGraph, "two graph outputs are named '\(output.name)'")
        }
        var nodeNames = Set<String>()
        var result: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            guard nodeNames.insert(node.node.name).inserted else {
                throw node.error(.invalidGraph, "another node has the same name")
            }
            for output in node.node.outputs where !output.isEmpty {
                guard values.insert(output).inserted else {
                    throw node.error(.invalidGraph, "output '\(output)' has the name of another value")
                }
                result[output] = index
            }
        }
        return result
    }

    /// Kahn's algorithm, stable: ready nodes run in the graph's own order.
    private static func sort(_ nodes: [WorkNode], _ producers: [String: Int]) throws(GraphError) -> [WorkNode] {
        var waiting = [Int](repeating: 0, count: nodes.count)
        var readers = [[Int]](repeating: [], count: nodes.count)
        for (index, node) in nodes.enumerated() {
            for input in node.node.inputs {
                guard let producer = producers[input] else { continue }
                waiting[index] += 1
                readers[producer].append(index)
            }
        }
        var ready = nodes.indices.filter { waiting[$0] == 0 }
        var sorted: [WorkNode] = []
        var next = 0
        while next < ready.count {
            let index = ready[next]
            next += 1
            sorted.append(nodes[index])
            for reader in readers[index] {
                waiting[reader] -= 1
                if waiting[reader] == 0 { ready.append(reader) }
            }
        }
        if let stuck = waiting.indices.first(where: { waiting[$0] > 0 }) {
            throw nodes[stuck].error(.invalidGraph, "is part of, or depends on, a cycle")
        }
        return sorted
    }
}
