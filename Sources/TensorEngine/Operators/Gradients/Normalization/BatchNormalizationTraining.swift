/// BatchNormalizationTraining, this engine's own: ONNX BatchNormalization (opset 14) with training_mode 1, which uses
/// the batch's mean and population variance, and two more outputs.
///
/// Operands: X [batch, channels, …], scale, B, mean, variance [channels]. Outputs: Y; the running mean and variance,
/// `input · momentum + batch · (1 - momentum)`; the batch's mean and `1 / sqrt(variance + epsilon)`, for the gradient.
struct BatchNormalizationTrainingOperator: Operator {
    private let epsilon: Double
    private let momentum: Double

    init(_ node: inout NodeReader) throws(GraphError) {
        epsilon = Double(try node.float("epsilon", default: 1e-5))
        momentum = Double(try node.float("momentum", default: 0.9))
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        guard type.shape.rank >= 2 else {
            throw operands.error(
                .shapeMismatch, "input has \(type.shape.rank) dimensions, expected at least 2: \(type.shape)")
        }
        for (index, name) in ["scale", "bias", "mean", "variance"].enumerated() {
            let shape = try operands.type(index + 1, among: type.elementType).shape
            guard shape.dimensions == [type.shape[1]] else {
                throw operands.error(.shapeMismatch, "\(name) has shape \(shape), expected [\(type.shape[1])]")
            }
        }
        let channels = TensorType(elementType: type.elementType, shape: try operands.makeShape([type.shape[1]]))
        return [type, channels, channels, channels, channels]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(
            outputs[0].elementType, Visitor(shape: outputs[0].shape, epsilon: epsilon, momentum: momentum))
    }

    private struct Visitor: GradientKernelVisitor {
        let shape: Shape
        let epsilon: Double
        let momentum: Double

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            let (outer, channels) = (shape[0], shape[1])
            let inner = shape.dimensions[2...].reduce(1, *)
            let (epsilon, momentum) = (epsilon, momentum)
            var layout = ScratchLayout()
            let meansOffset = layout.take(channels, of: Double.self)
            let variancesOffset = layout.take(channels, of: Double.self)
            let factorsOffset = layout.take(channels, of: Element.self)
            return Kernel(scratchByteCount: layout.byteCount) { arguments in
                let x = arguments.input(0, as: Element.self)
                let scale = arguments.input(1, as: Element.self)
                let means = arguments.scratch(at: meansOffset, as: Double.self)
                let variances = arguments.scratch(at: variancesOffset, as: Double.self)
                let factors = arguments.scratch(at: factorsOffset, as: Element.self)
                let runningMean = arguments.output(1, as: Element.self)
                let runningVariance = arguments.output(2, as: Element.self)
                let savedMean = arguments.output(3, as: Element.self)
                let savedFactor = arguments.output(4, as: Element.self)
                kernels.moments(x, outer, channels, inner, means, variances)
                for channel in 0..<channels {
                    let (mean, variance) = (means[channel], variances[channel])
                    savedMean[channel] = Element(mean)
                    savedFactor[channel] = Element(1 / (variance + epsilon).squareRoot())
                    factors[channel] = scale[channel] * savedFactor[channel]
                    runningMean[channel] = Element(
                        Double(arguments.input(3, as: Element.self)[channel]) * momentum + mean * (1 - momentum))
                    runningVariance[channel] = Element(
                        Double(arguments.input(4, as: Element.self)[channel]) * momentum + variance * (1 - momentum))
                }
                kernels.normalize(
                    x, arguments.output(0, as: Element.self), outer, channels, inner, savedMean, factors,
                    arguments.input(2, as: Element.self))
            }
        }
    }
}

/// BatchNormalizationGradient, this engine's own. Operands: the output's gradient, X, scale, and what
/// BatchNormalizationTraining saved. Outputs: the gradients of X, scale and B (Ioffe & Szegedy, "Batch Normalization",
/// 2015).
struct BatchNormalizationGradientOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        let x = try operands.type(1, among: type.elementType)
        guard x.shape == type.shape, x.shape.rank >= 2 else {
            throw operands.error(.shapeMismatch, "input is \(x.shape), the output's gradient \(type.shape)")
        }
        let channels = TensorType(elementType: type.elementType, shape: try operands.makeShape([x.shape[1]]))
        for index in 2...4 {
            let shape = try operands.type(index, among: type.elementType).shape
            guard shape == channels.shape else {
                throw operands.error(.shapeMismatch, "input \(index) is \(shape), expected \(channels.shape)")
            }
        }
        return [type, channels, channels]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(
            outputs[0].elementType, Visitor(shape: outputs[0].shape, hasInput: operands.hasOutput(0)))
    }

    private struct Visitor: GradientKernelVisitor {
        let shape: Shape
        let hasInput: Bool

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            let (outer, channels) = (shape[0], shape[1])
            let inner = shape.dimensions[2...].reduce(1, *)
            let count = Double(outer * inner)
            let hasInput = hasInput
            var layout = ScratchLayout()
            let flowsOffset = layout.take(channels, of: Double.self)
            let productsOffset = layout.take(channels, of: Double.self)
            let partsOffset = layout.take(3 * channels, of: Element.self)
            return Kernel(scratchByteCount: layout.byteCount) { arguments in
                let dy = arguments.input(0, as: Element.self)
                let x = arguments.input(1, as: Element.self)
                let scale = arguments.input(2, as: Element.self)
                let means = arguments.input(3, as: Element.self)
                let deviations = arguments.input(4, as: Element.self)
                let flows = arguments.scratch(at: flowsOffset, as: Double.self)
                let products = arguments.scratch(at: productsOffset, as: Double.self)
                let factors = arguments.scratch(at: partsOffset, as: Element.self)
                let (meanFlows, slopes) = (factors + channels, factors + 2 * channels)
                kernels.normalizationSums(x, dy, outer, channels, inner, means, flows, products)
                for channel in 0..<channels {
                    let inverse = Double(deviations[channel])
                    arguments.output(1, as: Element.self)[channel] = Element(products[channel] * inverse)
                    arguments.output(2, as: Element.self)[channel] = Element(flows[channel])
                    factors[channel] = scale[channel] * deviations[channel]
                    meanFlows[channel] = Element(flows[channel] / count)
                    slopes[channel] = Element(products[channel] * inverse * inverse / count)
                }
                guard hasInput else { return }
                kernels.normalizationInput(
                    x, dy, arguments.output(0, as: Element.self), outer, channels, inner, means, factors, meanFlows,
                    slopes)
            }
        }
    }
}
