/// The operators that the engine knows.
enum OperatorRegistry {
    struct Entry: Sendable {
        let type: any Operator.Type
        let inputs: ClosedRange<Int>
        let outputs: ClosedRange<Int>

        init(_ type: any Operator.Type, inputs: ClosedRange<Int>, outputs: ClosedRange<Int> = 1...1) {
            self.type = type
            self.inputs = inputs
            self.outputs = outputs
        }
    }

    static let entries: [String: Entry] = [
        "Gemm": Entry(GemmOperator.self, inputs: 2...3),
        "MatMul": Entry(MatMulOperator.self, inputs: 2...2),
        "Relu": Entry(UnaryOperator.self, inputs: 1...1),
        "Softmax": Entry(SoftmaxOperator.self, inputs: 1...1),
    ]

    /// The operator of a node, its attributes read.
    static func makeOperator(_ node: WorkNode, operatorSetVersion: Int) throws(GraphError) -> any Operator {
        let name = node.node.operatorType
        guard let entry = entries[name] else {
            throw node.error(.unsupported, "unknown operator")
        }
        let inputCount = node.node.inputs.count
        let maximum = entry.inputs.upperBound + (node.hasFusedBias ? 1 : 0)
        guard inputCount >= entry.inputs.lowerBound, inputCount <= maximum else {
            throw node.error(.invalidGraph, "has \(inputCount) inputs, expected \(describe(entry.inputs))")
        }
        guard entry.outputs.contains(node.node.outputs.count) else {
            throw node.error(
                .invalidGraph, "has \(node.node.outputs.count) outputs, expected \(describe(entry.outputs))")
        }
        var reader = NodeReader(node, operatorSetVersion: operatorSetVersion)
        let result = try entry.type.init(&reader)
        try reader.finish()
        return result
    }

    private static func describe(_ range: ClosedRange<Int>) -> String {
        if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
        if range.upperBound == .max { return "at least \(range.lowerBound)" }
        return "\(range.lowerBound) to \(range.upperBound)"
    }
}
