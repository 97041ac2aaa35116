/// DropoutTraining, this engine's own: ONNX Dropout (opset 13) with training_mode true: each element is zero with
/// probability `ratio`, the others are scaled by `1 / (1 - ratio)`.
///
/// Operands: X; the step's seed, an int64 scalar. Outputs: Y, and a mask of the elements that were kept. Which ones is
/// a function of the seed, the attribute `stream`, which tells nodes apart, and the element's index: applied to the
/// output's gradient the same operator is its own gradient.
struct DropoutTrainingOperator: Operator {
    private let ratio: Float
    private let stream: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        ratio = try node.float("ratio", default: 0.5)
        stream = try node.int("stream", default: 0)
        guard ratio >= 0, ratio < 1 else {
            throw node.error(.invalidGraph, "ratio is \(ratio), expected at least 0 and less than 1")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        let seed = try operands.type(1, among: .int64).shape
        guard seed.elementCount == 1 else {
            throw operands.error(.shapeMismatch, "the seed is \(seed), expected a scalar")
        }
        return operands.present([type, TensorType(elementType: .bool, shape: type.shape)])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(
            outputs[0].elementType,
            Visitor(
                count: outputs[0].shape.elementCount, ratio: Double(ratio), stream: stream,
                hasMask: operands.hasOutput(1)))
    }

    private struct Visitor: GradientKernelVisitor {
        let count: Int
        let ratio: Double
        let stream: Int
        let hasMask: Bool

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            let (count, hasMask) = (count, hasMask)
            let threshold = UInt64((ratio * 0x1p32).rounded())
            let scale = Element(1 / (1 - ratio))
            let stream = Self.mix(UInt64(truncatingIfNeeded: stream) &+ 0x9e37_79b9_7f4a_7c15)
            return Kernel { arguments in
                let seed = UInt64(bitPattern: arguments.input(1, as: Int64.self)[0])
                let mask = hasMask ? arguments.rawOutput(1).assumingMemoryBound(to: UInt8.self) : nil
                kernels.dropout(
                    arguments.input(0, as: Element.self), arguments.output(0, as: Element.self), mask, count,
                    Self.mix(seed &+ stream), threshold, scale)
            }
        }

        /// SplitMix64's output function.
        private static func mix(_ x: UInt64) -> UInt64 {
            var z = (x ^ x >> 30) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
            return z ^ z >> 31
        }
    }
}
