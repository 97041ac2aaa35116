/// PadGradient, the engine's own: the gradient of the input of Pad. Operands and attributes are Pad's, its input read for its
/// shape alone, and behind them the gradient of the output.
struct PadGradientOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let pad: PadOperator

    init(_ node: inout NodeReader) throws(GraphError) { pad = try PadOperator(&node) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(operands.count - 1)
        let x = try operands.type(0, among: flow.elementType)
        let padded = try pad.outputTypes(operands.dropLast())[0]
        guard flow == padded else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the padded input \(padded)")
        }
        return [x]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let index = operands.count - 1
        let flow = try operands.shape(index)
        let (begin, _) = try pad.pads(operands.dropLast())
        let sources = pad.sources(begin, outputs[0].shape.dimensions, flow.dimensions)
        return try operands.visitGradient(
            outputs[0].elementType,
            Visitor(flow: index, extents: flow.dimensions, sources: sources, count: outputs[0].shape.elementCount))
    }

    private struct Visitor: GradientVisitor {
        let flow: Int
        let extents: [Int]
        /// For each axis, the offset of the input's element at each place of the output; -1 for the constant.
        let sources: [[Int]]
        let count: Int

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (index, extents, sources, count) = (flow, extents, sources, count)
            let inner = sources.last ?? [0]
            let rows = extents.contains(0) ? 0 : extents.dropLast().reduce(1, *)
            return Kernel { arguments in
                let (flow, output) = (arguments.input(index, as: E.self), arguments.output(0, as: E.self))
                output.update(repeating: 0, count: count)
                for row in 0..<rows {
                    var rest = row
                    var offset = 0
                    var isPadding = false
                    for axis in extents.indices.dropLast().reversed() {
                        let source = sources[axis][rest % extents[axis]]
                        rest /= extents[axis]
                        isPadding = isPadding || source < 0
                        offset += source
                    }
                    if isPadding { continue }
                    for place in inner.indices where inner[place] >= 0 {
                        output[offset + inner[place]] += flow[row * inner.count + place]
                    }
                }
            }
        }
    }
}
