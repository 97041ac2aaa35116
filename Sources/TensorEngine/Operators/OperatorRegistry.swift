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

    static let entries: [String: Entry] = {
        var entries: [String: Entry] = [
            "AveragePool": Entry(PoolOperator.self, inputs: 1...1),
            "BatchNormalization": Entry(BatchNormalizationOperator.self, inputs: 5...5),
            "Clip": Entry(ClipOperator.self, inputs: 1...3),
            "Concat": Entry(ConcatOperator.self, inputs: 1...Int.max),
            "Constant": Entry(ConstantOperator.self, inputs: 0...0),
            "Conv": Entry(ConvOperator.self, inputs: 2...3),
            "Flatten": Entry(ReshapingOperator.self, inputs: 1...1),
            "Gemm": Entry(GemmOperator.self, inputs: 2...3),
            "GlobalAveragePool": Entry(GlobalPoolOperator.self, inputs: 1...1),
            "GlobalMaxPool": Entry(GlobalPoolOperator.self, inputs: 1...1),
            "Identity": Entry(ReshapingOperator.self, inputs: 1...1),
            "MatMul": Entry(MatMulOperator.self, inputs: 2...2),
            "MaxPool": Entry(PoolOperator.self, inputs: 1...1, outputs: 1...2),
            "Pad": Entry(PadOperator.self, inputs: 1...4),
            "Reshape": Entry(ReshapeOperator.self, inputs: 2...2),
            "Shape": Entry(ShapeOperator.self, inputs: 1...1),
            "Softmax": Entry(SoftmaxOperator.self, inputs: 1...1),
            "Squeeze": Entry(ReshapingOperator.self, inputs: 1...2),
            "Transpose": Entry(TransposeOperator.self, inputs: 1...1),
            "Unsqueeze": Entry(ReshapingOperator.self, inputs: 1...2),
        ]
        entries.merge(TransformerOperators.entries) { $1 }
        for name in UnaryOperator.names { entries[name] = Entry(UnaryOperator.self, inputs: 1...1) }
        for name in BinaryOperator.names { entries[name] = Entry(BinaryOperator.self, inputs: 2...2) }
        entries.merge(generalEntries) { $1 }
        entries.merge(elementwiseEntries) { $1 }
        entries.merge(shapeEntries) { $1 }
        entries.merge(computingEntries) { $1 }
        entries.merge(windowEntries) { $1 }
        entries.merge(classicalEntries) { $1 }
        entries.merge(textEntries) { $1 }
        entries.merge(sequenceEntries) { known, _ in known }
        entries.merge(gradientEntries) { $1 }
        entries.merge(layerGradientEntries) { $1 }
        return entries
    }()

    /// The operator of a node, its attributes read.
    static func makeOperator(_ node: WorkNode, operatorSetVersion: Int) throws(GraphError) -> any Operator {
        let name = node.node.operatorType
        guard let entry = entries[name] else {
            throw node.error(.unsupported, "unknown operator")
        }
        let inputCount = node.node.inputs.count
        let maximum = node.hasFusedBias ? entry.inputs.upperBound + 1 : entry.inputs.upperBound
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
