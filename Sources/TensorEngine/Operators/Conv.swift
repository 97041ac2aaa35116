import CTensorKernels

/// Conv (opset 1, 11): one or two spatial dimensions, groups, dilations, strides, padding. Each image by itself: patches
/// of a bounded number of output pixels are packed as the right operand of a product with the filters; a depthwise
/// convolution slides its windows directly.
struct ConvOperator: Operator {
    private let attributes: WindowAttributes
    private let groups: Int
    private let activation: FusedActivation

    /// Bytes of packed patches at a time: they stay in the second-level cache.
    private static let patchByteCount = 256 << 10

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try WindowAttributes(&node, hasCeilMode: false)
        groups = try node.int("group", default: 1)
        activation = node.node.activation
        guard groups >= 1 else { throw node.error(.invalidGraph, "group is \(groups), expected at least 1") }
    }

    private func geometry(_ operands: Operands) throws(GraphError) -> WindowGeometry {
        let input = try operands.shape(0)
        let weights = try operands.shape(1)
        guard input.rank == 3 || input.rank == 4 else {
            throw operands.error(.shapeMismatch, "input has \(input.rank) dimensions, expected 3 or 4: \(input)")
        }
        guard weights.rank == input.rank else {
            throw operands.error(
                .shapeMismatch, "weights \(weights) have \(weights.rank) dimensions, the input \(input.rank)")
        }
        guard input[1] % groups == 0, weights[0] % groups == 0, weights[1] == input[1] / groups else {
            throw operands.error(
                .shapeMismatch, "weights \(weights) do not fit \(input[1]) input channels in \(groups) groups")
        }
        let kernel = Array(weights.dimensions[2...])
        if let declared = attributes.kernelShape, declared != kernel {
            throw operands.error(.shapeMismatch, "kernel_shape is \(declared), the weights have \(kernel)")
        }
        return try WindowGeometry(
            attributes, spatial: Array(input.dimensions[2...]), kernel: kernel, operands)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, among: .float32)
        let weights = try operands.type(1, among: .float32).shape
        let geometry = try geometry(operands)
        if operands.has(2) {
            let bias = try operands.type(2, among: .float32).shape
            guard bias.dimensions == [weights[0]] else {
                throw operands.error(.shapeMismatch, "bias has shape \(bias), expected [\(weights[0])]")
            }
        }
        let shape = try operands.makeShape([type.shape[0], weights[0]] + geometry.outputExtents)
        return [TensorType(elementType: .float32, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let geometry = try geometry(operands)
        let input = try operands.shape(0)
        let outputChannels = outputs[0].shape[1]
        let hasBias = operands.has(2)
        if groups == input[1], groups > 1 {
            return depthwise(
                geometry, images: input[0], channels: input[1], outputChannels: outputChannels, hasBias: hasBias,
                operands.kernels)
        }
        let kernels = operands.kernels
        let (images, groups, activation) = (input[0], groups, activation)
        let channels = input[1] / groups
        let filters = outputChannels / groups
        let k = channels * geometry.kernelArea
        let pixels = geometry.outputPlane
        let width = kernels.panelWidth
        let panels = (pixels + width - 1) / width
        let panelsAtOnce = max(1, min(panels, Self.patchByteCount / (k * width * 4)))
        let pixelsAtOnce = panelsAtOnce * width
        return Kernel(scratchByteCount: k * pixelsAtOnce * 4) { arguments in
            var window = geometry.window
            var epilogue = activation.epilogue
            let source = arguments.input(0, as: Float.self)
            let weights = arguments.input(1, as: Float.self)
            let bias = hasBias ? arguments.input(2, as: Float.self) : nil
            let target = arguments.output(0, as: Float.self)
            let patches = arguments.scratch(as: Float.self)
            for index in 0..<images * groups {
                let group = index % groups
                let plane = source + index * channels * geometry.inputPlane
                let result = target + index * filters * pixels
                epilogue.row_bias = bias.map { $0 + group * filters }
                var first = 0
                while first < pixels {
                    let count = min(pixelsAtOnce, pixels - first)
                    mk_pack_patches(&window, plane, channels, first, count, width, patches)
                    kernels.functions.gemm(
                        filters, count, k, weights + group * filters * k, k, patches, result + first, pixels,
                        &epilogue)
                    first += count
                }
            }
        }
    }

    private func depthwise(
        _ geometry: WindowGeometry, images: Int, channels: Int, outputChannels: Int, hasBias: Bool,
        _ kernels: KernelTable
    ) -> Kernel {
        let activation = activation
        let multiplier = outputChannels / channels
        return Kernel { arguments in
            var window = geometry.window
            let source = arguments.input(0, as: Float.self)
            let weights = arguments.input(1, as: Float.self)
            let bias = hasBias ? arguments.input(2, as: Float.self) : nil
            let target = arguments.output(0, as: Float.self)
            for image in 0..<images {
                for channel in 0..<outputChannels {
                    let plane = source + (image * channels + channel / multiplier) * geometry.inputPlane
                    let result = target + (image * outputChannels + channel) * geometry.outputPlane
                    kernels.functions.depthwise(
                        &window, plane, weights + channel * geometry.kernelArea, bias.map { $0[channel] } ?? 0, result)
                    activation.apply(kernels, to: result, count: geometry.outputPlane)
                }
            }
        }
    }
}
