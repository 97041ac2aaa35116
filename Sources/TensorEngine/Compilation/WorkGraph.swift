/// The graph while compilation rewrites it: nodes in topological order, constants by name.
struct WorkGraph: Sendable {
    var operatorSetVersion: Int
    var inputs: [ValueInfo]
    var outputs: [ValueInfo]
    var nodes: [WorkNode]
    var constants: [String: Tensor]

    /// How often each value is read, by nodes or as a graph output.
    var useCounts: [String: Int] {
        var result: [String: Int] = [:]
        for node in nodes {
            for input in node.node.inputs where !input.isEmpty { result[input, default: 0] += 1 }
        }
        for output in outputs { result[output.name, default: 0] += 1 }
        return result
    }

    /// The index of the node that makes each value.
    var producers: [String: Int] {
        var result: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.node.outputs where !output.isEmpty { result[output] = index }
        }
        return result
    }

    /// Lets every reader of `old` among the nodes read `new`.
    mutating func replaceUses(of old: String, with new: String) {
        for index in nodes.indices {
            for position in nodes[index].node.inputs.indices where nodes[index].node.inputs[position] == old {
                nodes[index].node.inputs[position] = new
            }
        }
    }

    func isOutput(_ name: String) -> Bool { outputs.contains { $0.name == name } }

    /// A value name that is not taken yet.
    func freshName(_ base: String) -> String {
        var taken = Set(constants.keys)
        for node in nodes { taken.formUnion(node.node.outputs) }
        for input in inputs { taken.insert(input.name) }
        var candidate = base
        var counter = 1
        while taken.contains(candidate) {
            counter += 1
            candidate = "\(base)_\(counter)"
        }
        return candidate
    }
}
