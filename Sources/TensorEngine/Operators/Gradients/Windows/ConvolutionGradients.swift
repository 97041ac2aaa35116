import CTensorKernels

/// What the two gradients of a convolution share: the output's gradient is operand 0, operand 1 is read, and operand 2 gives
/// the shape of what is sought.
private struct ConvolutionGradient {
    private let attributes: ConvolutionAttributes
    private let input: Int
    private let weights: Int

    init(_ node: inout NodeReader, input: Int, weights: Int) throws(GraphError) {
        attributes = try ConvolutionAttributes(&node)
        (self.input, self.weights) = (input, weights)
    }

    func extents(_ operands: Operands) throws(GraphError) -> ConvolutionExtents {
        let extents = try attributes.extents(
            input: try operands.shape(input), weights: try operands.shape(weights), operands)
        try extents.check(flow: try operands.shape(0), operands)
        return extents
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        _ = try operands.type(1, among: type.elementType)
        _ = try extents(operands)
        return [TensorType(elementType: type.elementType, shape: try operands.shape(2))]
    }
}

/// ConvInputGradient, this engine's own: the gradient of Conv with respect to its input. Operands: the output's
/// gradient, the weights, the input, of which only the shape is read; Conv's attributes.
struct ConvInputGradientOperator: Operator {
    private let gradient: ConvolutionGradient

    init(_ node: inout NodeReader) throws(GraphError) {
        gradient = try ConvolutionGradient(&node, input: 2, weights: 1)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] { try gradient.outputTypes(operands) }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(
            outputs[0].elementType, Visitor(extents: try gradient.extents(operands), operands: operands))
    }

    private struct Visitor: GradientKernelVisitor {
        let extents: ConvolutionExtents
        let operands: Operands

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            if extents.isDepthwise, let window = extents.window { return depthwise(kernels, window) }
            return try WindowProduct(inputGradient: extents, operands)
                .kernel(kernels, source: 0, weights: 1, bias: nil, operands)
        }

        private func depthwise<Element>(_ kernels: GradientKernels<Element>, _ window: mk_window) -> Kernel {
            let (inputPlane, outputPlane) = (extents.inputPlane, extents.outputPlane)
            let (images, channels, multiplier) = (extents.images, extents.groups, extents.filters)
            let volume = extents.kernelVolume
            return Kernel { arguments in
                var window = window
                let dy = arguments.input(0, as: Element.self)
                let weights = arguments.input(1, as: Element.self)
                let dx = arguments.output(0, as: Element.self)
                dx.update(repeating: 0, count: images * channels * inputPlane)
                for image in 0..<images {
                    for filter in 0..<channels * multiplier {
                        kernels.depthwiseInput(
                            &window, dy + (image * channels * multiplier + filter) * outputPlane,
                            weights + filter * volume, dx + (image * channels + filter / multiplier) * inputPlane)
                    }
                }
            }
        }
    }
}

/// ConvWeightGradient, this engine's own: the gradient of Conv with respect to its weights, summed over the images in
/// order. Operands: the output's gradient, the input, the weights, of which only the shape is read; Conv's attributes.
struct ConvWeightGradientOperator: Operator {
    private let gradient: ConvolutionGradient

    init(_ node: inout NodeReader) throws(GraphError) {
        gradient = try ConvolutionGradient(&node, input: 1, weights: 2)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] { try gradient.outputTypes(operands) }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(
            outputs[0].elementType, Visitor(extents: try gradient.extents(operands), operands: operands))
    }

    private struct Visitor: GradientKernelVisitor {
        let extents: ConvolutionExtents
        let operands: Operands

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            if extents.isDepthwise, let window = extents.window { return try depthwise(kernels, window) }
            return try WeightGradient(extents, operands).kernel(kernels, flow: 0, input: 1, operands)
        }

        private func depthwise<Element>(
            _ kernels: GradientKernels<Element>, _ window: mk_window
        ) throws(GraphError) -> Kernel {
            let (inputPlane, outputPlane) = (extents.inputPlane, extents.outputPlane)
            let (images, channels, multiplier) = (extents.images, extents.groups, extents.filters)
            let volume = extents.kernelVolume
            let lanes = try operands.makeShape([volume, 8]).elementCount
            return Kernel(scratchByteCount: lanes * 8) { arguments in
                var window = window
                let dy = arguments.input(0, as: Element.self)
                let x = arguments.input(1, as: Element.self)
                let dw = arguments.output(0, as: Element.self)
                let sums = arguments.scratch(as: Double.self)
                for filter in 0..<channels * multiplier {
                    sums.update(repeating: 0, count: lanes)
                    for image in 0..<images {
                        kernels.depthwiseWeight(
                            &window, dy + (image * channels * multiplier + filter) * outputPlane,
                            x + (image * channels + filter / multiplier) * inputPlane, sums)
                    }
                    for tap in 0..<volume {
                        var total = 0.0
                        for lane in 0..<8 { total += sums[tap * 8 + lane] }
                        dw[filter * volume + tap] = Element(total)
                    }
                }
            }
        }
    }
}

/// ChannelSum, this engine's own: for each index of the second dimension the sum over all others, [channels]: the
/// gradient of a convolution's bias.
struct ChannelSumOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        guard type.shape.rank >= 2 else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), expected at least 2 dimensions")
        }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape([type.shape[1]]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(outputs[0].elementType, Visitor(shape: try operands.shape(0)))
    }

    private struct Visitor: GradientKernelVisitor {
        let shape: Shape

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            let (outer, channels) = (shape[0], shape[1])
            let inner = shape.dimensions[2...].reduce(1, *)
            return Kernel(scratchByteCount: channels * 8) { arguments in
                kernels.channelSum(
                    arguments.input(0, as: Element.self), outer, channels, inner, arguments.scratch(as: Double.self),
                    arguments.output(0, as: Element.self))
            }
        }
    }
}
