/// The attributes of ConvTranspose and its gradients.
struct TransposedConvolutionAttributes: Sendable {
    private let window: WindowAttributes
    let groups: Int
    private let outputPadding: [Int]?
    private let outputShape: [Int]?

    init(_ node: inout NodeReader) throws(GraphError) {
        window = try WindowAttributes(&node, hasCeilMode: false)
        groups = try node.int("group", default: 1)
        outputPadding = try node.ints("output_padding")
        outputShape = try node.ints("output_shape")
        guard groups >= 1 else { throw node.error(.invalidGraph, "group is \(groups), expected at least 1") }
    }

    /// The extents of the convolution whose input's gradient this is: its output is the operator's input.
    /// - Parameters:
    ///   - x: the operator's input, [images, channels, …].
    ///   - w: [channels, filters in a group, …].
    func extents(_ x: Shape, _ w: Shape, _ operands: Operands) throws(GraphError) -> ConvolutionExtents {
        let rank = x.rank - 2
        guard rank >= 1, w.rank == x.rank, w[0] == x[1], x[1] % groups == 0 else {
            throw operands.error(
                .shapeMismatch, "weights \(w) do not fit an input of \(x) in \(groups) groups")
        }
        let kernel = Array(w.dimensions[2...])
        if let declared = window.kernelShape, declared != kernel {
            throw operands.error(.shapeMismatch, "kernel_shape is \(declared), the weights have \(kernel)")
        }
        func list(_ values: [Int]?, _ name: String, _ count: Int, _ value: Int) throws(GraphError) -> [Int] {
            try WindowBox.list(values, name, rank, count: count, default: value, least: value, operands)
        }
        var result = ConvolutionExtents(
            images: x[0], groups: groups, channels: w[1], filters: x[1] / groups, input: [],
            output: Array(x.dimensions[2...]), kernel: kernel,
            strides: try list(window.strides, "strides", rank, 1),
            dilations: try list(window.dilations, "dilations", rank, 1), pads: [])
        let pads = try list(window.pads, "pads", 2 * rank, 0)
        let extra = try list(outputPadding, "output_padding", rank, 0)
        // Some exporters write batch and channels too.
        var wanted = outputShape
        if let list = wanted, list.count == rank + 2 { wanted = Array(list[2...]) }
        if let list = wanted, list.count != rank {
            throw operands.error(.shapeMismatch, "output_shape is \(list), expected \(rank) values")
        }
        for axis in 0..<rank {
            let reach = (kernel[axis] - 1) * result.dilations[axis] + 1
            let full = result.strides[axis] * (result.output[axis] - 1) + extra[axis] + reach
            var extent = wanted?[axis]
            let isSame = window.autoPad == .sameUpper || window.autoPad == .sameLower
            if extent == nil, isSame { extent = result.output[axis] * result.strides[axis] }
            if let extent {
                let total = max(full - extent, 0)
                result.input.append(extent)
                result.pads.append(window.autoPad == .sameUpper ? total / 2 : total - total / 2)
            } else {
                result.input.append(full - pads[axis] - pads[axis + rank])
                result.pads.append(pads[axis])
            }
        }
        guard result.input.allSatisfy({ $0 > 0 }) else {
            throw operands.error(.shapeMismatch, "the output's extents are \(result.input), expected at least 1")
        }
        return result
    }

    /// The output's shape.
    func outputShape(_ extents: ConvolutionExtents, _ operands: Operands) throws(GraphError) -> Shape {
        let (channels, overflow) = extents.channels.multipliedReportingOverflow(by: extents.groups)
        guard !overflow else {
            throw operands.error(.limitExceeded, "\(extents.channels) × \(extents.groups) channels")
        }
        return try operands.makeShape([extents.images, channels] + extents.input)
    }
}

/// ConvTranspose (opset 1, 11, 22): the gradient of a convolution with respect to its input, over any number of spatial
/// dimensions; of other types than float32 and float64 in binary64 and rounded once.
struct ConvTransposeOperator: Operator {
    private let attributes: TransposedConvolutionAttributes

    init(_ node: inout NodeReader) throws(GraphError) { attributes = try TransposedConvolutionAttributes(&node) }

    private func extents(_ operands: Operands) throws(GraphError) -> ConvolutionExtents {
        try attributes.extents(try operands.shape(0), try operands.shape(1), operands)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        _ = try operands.type(1, among: type.elementType)
        let shape = try attributes.outputShape(try extents(operands), operands)
        if operands.has(2) {
            let bias = try operands.type(2, among: type.elementType).shape
            guard bias.dimensions == [shape[1]] else {
                throw operands.error(.shapeMismatch, "bias has shape \(bias), expected [\(shape[1])]")
            }
        }
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let extents = try extents(operands)
        guard Operands.gradientTypes.contains(outputs[0].elementType) else {
            return try general(extents, operands, outputs[0])
        }
        return try operands.visitGradientKernels(outputs[0].elementType, Visitor(extents: extents, operands: operands))
    }

    private struct Visitor: GradientKernelVisitor {
        let extents: ConvolutionExtents
        let operands: Operands

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            try WindowProduct(inputGradient: extents, operands)
                .kernel(kernels, source: 0, weights: 1, bias: operands.has(2) ? 2 : nil, operands)
        }
    }

    private func general(
        _ extents: ConvolutionExtents, _ operands: Operands, _ output: TensorType
    ) throws(GraphError) -> Kernel {
        let (x, w) = (try operands.type(0), try operands.type(1))
        let bias = operands.has(2) ? try operands.type(2) : nil
        let (images, channels, perGroup) = (x.shape[0], x.shape[1], w.shape[1])
        let (groups, filters) = (extents.groups, w.shape[1] * extents.groups)
        let (inputPlane, outputPlane) = (extents.outputPlane, extents.inputPlane)
        let volume = extents.kernelVolume
        // For each input position and tap, the output position it adds to.
        return Kernel { arguments in
            let (input, weights) = (arguments.doubles(0, x), arguments.doubles(1, w))
            let addends = bias.map { arguments.doubles(2, $0) }
            var y = [Double](repeating: 0, count: output.shape.elementCount)
            if let addends {
                for index in y.indices { y[index] = addends[index / outputPlane % filters] }
            }
            for position in 0..<inputPlane {
                let taps = Self.taps(extents, position)
                for image in 0..<images {
                    for channel in 0..<channels {
                        let value = input[(image * channels + channel) * inputPlane + position]
                        let group = channel / (channels / groups)
                        for filter in 0..<perGroup {
                            let plane = (image * filters + group * perGroup + filter) * outputPlane
                            let kernel = (channel * perGroup + filter) * volume
                            for (tap, target) in taps { y[plane + target] += value * weights[kernel + tap] }
                        }
                    }
                }
            }
            arguments.store(y, 0, output)
        }
    }

    private static func taps(_ extents: ConvolutionExtents, _ position: Int) -> [(tap: Int, target: Int)] {
        var result = [(tap: 0, target: 0)]
        var places: [Int] = []
        var rest = position
        for axis in extents.output.indices.reversed() {
            places.append(rest % extents.output[axis])
            rest /= extents.output[axis]
        }
        for (axis, place) in places.reversed().enumerated() {
            var next: [(tap: Int, target: Int)] = []
            for (tap, target) in result {
                for step in 0..<extents.kernel[axis] {
                    let output = place * extents.strides[axis] + step * extents.dilations[axis] - extents.pads[axis]
                    guard output >= 0, output < extents.input[axis] else { continue }
                    next.append((tap * extents.kernel[axis] + step, target * extents.input[axis] + output))
                }
            }
            result = next
        }
        return result
    }
}
