/// LRNGradient, the engine's own: the gradient of the input of LRN, from that of the output and the input; attributes are
/// LRN's. With `s = bias + alpha / size * sum of squares` of a channel's neighbours:
/// `∂x = flow · s^-beta - 2 alpha beta / size · x · Σ flow · x · s^(-beta - 1)`, the sum over the channels that it neighbours.
struct LRNGradientOperator: Operator {
    private let (alpha, beta, bias): (Double, Double, Double)
    private let size: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        alpha = Double(try node.float("alpha", default: 0.0001))
        beta = Double(try node.float("beta", default: 0.75))
        bias = Double(try node.float("bias", default: 1))
        size = try node.int("size", default: 0)
        guard size > 0 else { throw node.error(.invalidGraph, "attribute 'size' is \(size), expected at least 1") }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        guard try operands.type(1) == flow, flow.shape.rank >= 2 else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the input \(try operands.type(1))")
        }
        return [flow]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradient(outputs[0].elementType, Visitor(shape: outputs[0].shape, gradient: self))
    }

    private struct Visitor: GradientVisitor {
        let shape: Shape
        let gradient: LRNGradientOperator

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (batches, channels) = (shape[0], shape[1])
            let plane = shape.dimensions[2...].reduce(1, *)
            let size = gradient.size
            let (share, beta, bias) = (E(gradient.alpha / Double(size)), E(gradient.beta), E(gradient.bias))
            let before = min(channels, (size - 1) / 2)
            let after = min(channels, size / 2)
            // The sums of squares of a pixel's channels, and what each gives to its neighbours.
            return Kernel(scratchByteCount: 2 * channels * MemoryLayout<E>.size) { arguments in
                let sums = arguments.scratch(as: E.self)
                let shares = sums + channels
                for batch in 0..<batches {
                    for pixel in 0..<plane {
                        let start = batch * channels * plane + pixel
                        let flow = arguments.input(0, as: E.self) + start
                        let x = arguments.input(1, as: E.self) + start
                        let output = arguments.output(0, as: E.self) + start
                        for channel in 0..<channels {
                            var sum: E = 0
                            for neighbour in max(0, channel - before)...min(channels - 1, channel + after) {
                                sum += x[neighbour * plane] * x[neighbour * plane]
                            }
                            sums[channel] = bias + share * sum
                            let place = channel * plane
                            shares[channel] = flow[place] * x[place] * E.power(sums[channel], -beta - 1)
                        }
                        for channel in 0..<channels {
                            // The channels whose window this one lies in.
                            var sum: E = 0
                            for other in max(0, channel - after)...min(channels - 1, channel + before) {
                                sum += shares[other]
                            }
                            let place = channel * plane
                            output[place] =
                                flow[place] * E.power(sums[channel], -beta) - 2 * share * beta * x[place] * sum
                        }
                    }
                }
            }
        }
    }
}
