/// Hands out names of values and nodes that no other value or node has.
struct UniqueNames: Sendable {
    private var taken: Set<String>
    /// The next number to try for a name, so that many values of one name are found quickly.
    private var counters: [String: Int] = [:]

    init(_ graph: Graph) {
        taken = Set(graph.inputs.map(\.name)).union(graph.initializers.keys)
        taken.formUnion(graph.outputs.map(\.name))
        for node in graph.nodes {
            taken.insert(node.name)
            taken.formUnion(node.inputs)
            taken.formUnion(node.outputs)
            taken.formUnion(Subgraph.captures(of: node))
        }
    }

    /// `base`, or `base_2`, `base_3` and so on.
    mutating func next(_ base: String) -> String {
        var candidate = base
        var counter = counters[base] ?? 1
        while !taken.insert(candidate).inserted {
            counter += 1
            candidate = "\(base)_\(counter)"
        }
        counters[base] = counter
        return candidate
    }
}
