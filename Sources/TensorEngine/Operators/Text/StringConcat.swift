/// StringConcat (opset 20): two texts as one, with multidirectional broadcasting.
struct StringConcatOperator: StringOperator {
    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        for index in 0..<2 { _ = try operands.type(index, among: .string) }
        return [TensorType(elementType: .string, shape: try operands.broadcastShape(0..<2))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        throw operands.error(.valueUnknown, "makes strings, for which there are no kernels")
    }

    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor] {
        let (a, b) = (try operands.strings(0), try operands.strings(1))
        let target = outputs[0].shape.dimensions
        var (left, right): ([Int], [Int]) = ([], [])
        let strides = Broadcasting.strides(of: try operands.shape(0).dimensions, broadcastTo: target)
        StridedWalk(target, strides: strides).forEach { left.append($1) }
        let others = Broadcasting.strides(of: try operands.shape(1).dimensions, broadcastTo: target)
        StridedWalk(target, strides: others).forEach { right.append($1) }
        // In a loop a text could double at every step.
        var byteCount = 0
        for (x, y) in zip(left, right) { byteCount += a[x].utf8.count + b[y].utf8.count }
        guard byteCount <= operands.options.maximumArenaByteCount else {
            throw operands.error(
                .limitExceeded,
                "its strings take \(byteCount) bytes, at most \(operands.options.maximumArenaByteCount) are allowed")
        }
        return [try operands.stringTensor(outputs[0].shape, zip(left, right).map { a[$0] + b[$1] })]
    }
}
