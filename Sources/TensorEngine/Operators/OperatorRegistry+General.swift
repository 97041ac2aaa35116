extension OperatorRegistry {
    /// Conversions, quantisation and control flow.
    static let generalEntries: [String: Entry] = [
        "BitCast": Entry(BitCastOperator.self, inputs: 1...1),
        "Cast": Entry(CastOperator.self, inputs: 1...1),
        "CastLike": Entry(CastOperator.self, inputs: 2...2),
        "DequantizeLinear": Entry(DequantizeLinearOperator.self, inputs: 2...3),
        "DynamicQuantizeMatMul": Entry(DynamicQuantizeMatMulOperator.self, inputs: 3...4),
        "DynamicQuantizeLinear": Entry(DynamicQuantizeLinearOperator.self, inputs: 1...1, outputs: 3...3),
        "If": Entry(IfOperator.self, inputs: 1...Int.max, outputs: 0...Int.max),
        "Loop": Entry(LoopOperator.self, inputs: 2...Int.max, outputs: 1...Int.max),
        "MatMulInteger": Entry(QuantizedMatMulOperator.self, inputs: 2...4),
        "ConvInteger": Entry(QuantizedConvOperator.self, inputs: 2...4),
        "QLinearConv": Entry(QuantizedConvOperator.self, inputs: 8...9),
        "QLinearMatMul": Entry(QuantizedMatMulOperator.self, inputs: 8...8),
        "QuantizeLinear": Entry(QuantizeLinearOperator.self, inputs: 2...3),
        "Scan": Entry(ScanOperator.self, inputs: 1...Int.max, outputs: 1...Int.max),
    ]
}
