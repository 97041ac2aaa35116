/// ResizeGradient, the engine's own: the gradient of the input of Resize and Upsample, which are linear in it. Operands and
/// attributes are theirs (`function` is the operator type), the input read for its shape alone, and behind them the gradient
/// of the output.
struct ResizeGradientOperator: Operator {
    private let resize: ResizeOperator

    init(_ node: inout NodeReader) throws(GraphError) {
        let isUpsample = try node.string("function", default: "Resize") == "Upsample"
        resize = try ResizeOperator(&node, isUpsample: isUpsample)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(operands.count - 1)
        let x = try operands.type(0, among: flow.elementType)
        let expected = try resize.outputTypes(operands.dropLast())[0]
        guard flow == expected, x.shape.elementCount > 0 || flow.shape.elementCount == 0 else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the output \(expected)")
        }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let passes = try resize.passes(operands.dropLast())
        let index = operands.count - 1
        let flow = try operands.type(index)
        return Kernel { arguments in
            guard flow.shape.elementCount > 0 else { return }
            var values = arguments.doubles(index, flow)
            var extents = flow.shape.dimensions
            for (axis, taps) in passes.reversed() {
                let outer = extents[..<axis].reduce(1, *)
                let inner = extents[(axis + 1)...].reduce(1, *)
                var next = [Double](repeating: 0, count: outer * shape[axis] * inner)
                for block in 0..<outer {
                    for (position, list) in taps.enumerated() {
                        let source = (block * taps.count + position) * inner
                        for (tap, weight) in list ?? [] {
                            let target = (block * shape[axis] + tap) * inner
                            for place in 0..<inner { next[target + place] += weight * values[source + place] }
                        }
                    }
                }
                values = next
                extents[axis] = shape[axis]
            }
            arguments.store(values, 0, outputs[0])
        }
    }
}
