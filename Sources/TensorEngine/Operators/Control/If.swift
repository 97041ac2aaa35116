/// If (opset 1 to 25): one of two graphs.
struct IfOperator: WholeTensorOperator {
    /// Its graphs read them.
    static var strings: StringHandling { .read }

    private let then: Subgraph
    private let otherwise: Subgraph

    init(_ node: inout NodeReader) throws(GraphError) {
        then = try node.subgraph("then_branch")
        otherwise = try node.subgraph("else_branch")
        let count = node.node.node.outputs.count
        guard then.inputNames.isEmpty, otherwise.inputNames.isEmpty else {
            throw node.error(.invalidGraph, "a branch has inputs, expected none")
        }
        guard then.outputCount == count, otherwise.outputCount == count else {
            throw node.error(
                .invalidGraph,
                "the branches have \(then.outputCount) and \(otherwise.outputCount) outputs, the node has \(count)")
        }
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        try (operands.condition(0) ? then : otherwise).run([], captures: operands.captures(), operands)
    }
}
