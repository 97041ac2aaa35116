/// Moves transposes towards the outputs, through operators that do not care about the order of axes, until they meet
/// their inverse and vanish. Channels-last models, imported as Transpose, Conv, Transpose around every layer, end up with
/// none between the layers.
enum TransposeElimination {
    static func run(_ graph: inout WorkGraph, types: [String: TensorType]) throws(GraphError) {
        // Every rewrite removes a transpose or moves one past a node, so the passes end; the bound is for safety.
        for _ in 0...graph.nodes.count {
            var rewriter = Rewriter(graph, types)
            guard rewriter.pass() else { return }
            graph = rewriter.graph
            DeadCodeRemoval.run(&graph)
        }
    }

    private struct Rewriter {
        var graph: WorkGraph
        private var permutations: [String: (source: String, permutation: [Int])] = [:]
        private var changed = false
        private var freshNames = 0

        init(_ graph: WorkGraph, _ types: [String: TensorType]) {
            self.graph = graph
            for node in graph.nodes where node.node.operatorType == "Transpose" {
                guard let source = node.node.inputs.first, let target = node.node.outputs.first else { continue }
                if case .ints(let permutation)? = node.node.attributes["perm"] {
                    permutations[target] = (source, permutation)
                } else if let rank = types[source]?.shape.rank {
                    permutations[target] = (source, Array((0..<rank).reversed()))
                }
            }
        }

        mutating func pass() -> Bool {
            var result: [WorkNode] = []
            let nodes = graph.nodes
            for node in nodes {
                if let merged = merge(node) {
                    result.append(merged)
                } else if let pair = push(node) {
                    result += pair
                    changed = true
                } else {
                    result.append(node)
                }
            }
            graph.nodes = result
            removeNeutral()
            return changed
        }

        /// Transpose of a transpose as one transpose.
        private mutating func merge(_ node: WorkNode) -> WorkNode? {
            guard node.node.operatorType == "Transpose", let output = node.node.outputs.first,
                let outer = permutations[output], let inner = permutations[outer.source],
                outer.permutation.count == inner.permutation.count
            else { return nil }
            var merged = node
            let composed = outer.permutation.map { inner.permutation[$0] }
            merged.node.inputs = [inner.source]
            merged.node.attributes["perm"] = .ints(composed)
            permutations[output] = (inner.source, composed)
            changed = true
            return merged
        }

        /// Readers of a transpose that moves nothing read its source.
        private mutating func removeNeutral() {
            for (target, transpose) in permutations
            where transpose.permutation == Array(transpose.permutation.indices) {
                let before = graph.nodes.count { $0.node.inputs.contains(target) }
                if before > 0 {
                    graph.replaceUses(of: target, with: transpose.source)
                    changed = true
                }
            }
        }

        /// The node applied before the transpose of its operands, and the transpose after it.
        private mutating func push(_ node: WorkNode) -> [WorkNode]? {
            guard let first = node.node.inputs.first, let output = node.node.outputs.first else { return nil }
            var moved = node
            let permutation: [Int]
            switch node.node.operatorType {
            case let name where UnaryOperator.names.contains(name) || name == "Clip":
                guard let transpose = permutations[first] else { return nil }
                permutation = transpose.permutation
                moved.node.inputs[0] = transpose.source
            case let name where BinaryOperator.names.contains(name):
                guard let operands = binaryOperands(node) else { return nil }
                (moved.node.inputs, permutation) = operands
            case "Concat":
                guard let transpose = permutations[first], case .int(let axis)? = node.node.attributes["axis"],
                    node.node.inputs.allSatisfy({ permutations[$0]?.permutation == transpose.permutation })
                else { return nil }
                permutation = transpose.permutation
                let normalized = axis < 0 ? axis + permutation.count : axis
                guard permutation.indices.contains(normalized) else { return nil }
                moved.node.inputs = node.node.inputs.compactMap { permutations[$0]?.source }
                moved.node.attributes["axis"] = .int(permutation[normalized])
            case "Pad":
                guard let transpose = permutations[first], let pads = paddingName(node, transpose.permutation) else {
                    return nil
                }
                permutation = transpose.permutation
                moved.node.inputs[0] = transpose.source
                moved.node.inputs[1] = pads
            default: return nil
            }
            let before = freshName("\(output)/before_transpose")
            moved.node.outputs = [before]
            let transpose = WorkNode(
                Node(
                    name: freshName("\(node.node.name)/transpose"), operatorType: "Transpose", inputs: [before],
                    outputs: [output], attributes: ["perm": .ints(permutation)]))
            permutations[output] = (before, permutation)
            return [moved, transpose]
        }

        /// The untransposed operands of an arithmetic node: both transposed alike, or one of them constant.
        private mutating func binaryOperands(_ node: WorkNode) -> (inputs: [String], permutation: [Int])? {
            guard node.node.inputs.count == 2 else { return nil }
            let (a, b) = (node.node.inputs[0], node.node.inputs[1])
            if let left = permutations[a], let right = permutations[b] {
                return left.permutation == right.permutation
                    ? ([left.source, right.source], left.permutation) : nil
            }
            if let left = permutations[a], let constant = constant(b, before: left.permutation) {
                return ([left.source, constant], left.permutation)
            }
            if let right = permutations[b], let constant = constant(a, before: right.permutation) {
                return ([constant, right.source], right.permutation)
            }
            return nil
        }

        /// The name of a constant that, transposed by the permutation, broadcasts as `name` does.
        private mutating func constant(_ name: String, before permutation: [Int]) -> String? {
            guard let tensor = graph.constants[name], tensor.shape.rank <= permutation.count else { return nil }
            if tensor.shape.elementCount == 1, tensor.shape.rank == 0 { return name }
            let padded = [Int](repeating: 1, count: permutation.count - tensor.shape.rank) + tensor.shape.dimensions
            var inverse = [Int](repeating: 0, count: permutation.count)
            for (target, source) in permutation.enumerated() { inverse[source] = target }
            guard let wide = try? tensor.reshaped(to: Shape(padded)), let moved = wide.transposed(inverse) else {
                return nil
            }
            let fresh = freshName("\(name)/transposed")
            graph.constants[fresh] = moved
            return fresh
        }

        /// The pads of a Pad node for the axes before the transpose; only for constant pads of all axes.
        private mutating func paddingName(_ node: WorkNode, _ permutation: [Int]) -> String? {
            guard graph.operatorSetVersion >= 11, node.node.inputs.count >= 2,
                node.node.inputs.count < 4 || node.node.inputs[3].isEmpty,
                let pads = graph.constants[node.node.inputs[1]], pads.elementType == .int64,
                pads.shape.elementCount == 2 * permutation.count
            else { return nil }
            let values = pads.withElements(Int64.self) { Array($0) }
            var moved = values
            for (target, source) in permutation.enumerated() {
                moved[source] = values[target]
                moved[source + permutation.count] = values[target + permutation.count]
            }
            guard let tensor = try? Tensor(shape: pads.shape, elements: moved) else { return nil }
            let fresh = freshName("\(node.node.inputs[1])/transposed")
            graph.constants[fresh] = tensor
            return fresh
        }

        private mutating func freshName(_ base: String) -> String {
            freshNames += 1
            return graph.freshName("\(base)_\(freshNames)_\(graph.nodes.count)")
        }
    }
}
