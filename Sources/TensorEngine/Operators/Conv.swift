import CTensorKernels

/// Conv (opset 1 to 22): any number of spatial dimensions, groups, dilations, strides, padding. With one or two and
/// float32, each image by itself: patches of a bounded number of output pixels are packed as the right operand of a
/// product with the filters, or, for 3 × 3 taps, tiles are transformed (``WinogradConvolution``); a depthwise convolution
/// slides its windows directly. More dimensions than two are products too (``WindowProduct``).
struct ConvOperator: Operator {
    private let attributes: WindowAttributes
    private let groups: Int
    private let activation: FusedActivation

    /// Bytes of packed patches at a time: they stay in the second-level cache.
    private static let patchByteCount = 256 << 10
    /// Bytes of an image's planes up to which they are copied with their padding; larger ones have few edges.
    private static let paddedByteCount = 1 << 20

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try WindowAttributes(&node, hasCeilMode: false)
        groups = try node.int("group", default: 1)
        activation = node.node.activation
        guard groups >= 1 else { throw node.error(.invalidGraph, "group is \(groups), expected at least 1") }
    }

    /// The kernel's extents, everything checked.
    private func kernelExtents(_ operands: Operands) throws(GraphError) -> [Int] {
        let input = try operands.shape(0)
        let weights = try operands.shape(1)
        guard input.rank >= 3 else {
            throw operands.error(
                .shapeMismatch, "input has \(input.rank) dimensions, expected at least 3: \(input)")
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
        return kernel
    }

    private func geometry(_ operands: Operands) throws(GraphError) -> WindowGeometry {
        try WindowGeometry(
            attributes, spatial: Array(try operands.shape(0).dimensions[2...]), kernel: try kernelExtents(operands),
            operands)
    }

    /// Other types than float32, three and more spatial dimensions.
    private func general(_ operands: Operands) throws(GraphError) -> GeneralConvolution? {
        let type = try operands.type(0)
        guard type.elementType != .float32 || type.shape.rank > 4 else { return nil }
        let kernel = try kernelExtents(operands)
        let box = try WindowBox(
            attributes, spatial: Array(type.shape.dimensions[2...]), kernel: kernel, operands)
        return GeneralConvolution(box: box, groups: groups)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        let weights = try operands.type(1, among: type.elementType).shape
        var extents = try general(operands)?.box.output ?? []
        if extents.isEmpty { extents = try geometry(operands).outputExtents }
        if operands.has(2) {
            let bias = try operands.type(2, among: type.elementType).shape
            guard bias.dimensions == [weights[0]] else {
                throw operands.error(.shapeMismatch, "bias has shape \(bias), expected [\(weights[0])]")
            }
        }
        let shape = try operands.makeShape([type.shape[0], weights[0]] + extents)
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        if let general = try general(operands) {
            let kernel =
                outputs[0].elementType == .float32
                ? try volumes(general.box, operands) : try general.kernel(operands, outputs[0])
            // Only float32 nodes have an activation fused.
            guard activation != .none else { return kernel }
            let (kernels, activation, count) = (operands.kernels, activation, outputs[0].shape.elementCount)
            return Kernel(scratchByteCount: kernel.scratchByteCount) { arguments in
                kernel.body(arguments)
                activation.apply(kernels, to: arguments.output(0), count: count)
            }
        }
        let geometry = try geometry(operands)
        let input = try operands.shape(0)
        let outputChannels = outputs[0].shape[1]
        let hasBias = operands.has(2)
        if groups == input[1], groups > 1 {
            return depthwise(
                geometry, images: input[0], channels: input[1], outputChannels: outputChannels, hasBias: hasBias,
                operands.kernels)
        }
        if groups == 1,
            let winograd = try WinogradConvolution(
                operands, geometry, images: input[0], channels: input[1], filters: outputChannels,
                activation: activation)
        {
            return winograd.kernel(operands, hasBias: hasBias)
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
        // With strides of 1 the taps of a row of pixels lie side by side, once the planes hold their padding.
        let window = geometry.window
        let height = window.output_height + (window.kernel_height - 1) * window.dilation_height
        let pitch = window.output_width + (window.kernel_width - 1) * window.dilation_width
        let isDense = window.stride_height == 1 && window.stride_width == 1 && width <= Int(MK_MAXIMUM_PANEL)
        let padded = isDense && channels * height * pitch * 4 <= Self.paddedByteCount ? channels * height * pitch : 0
        return Kernel(scratchByteCount: (k * pixelsAtOnce + padded) * 4) { arguments in
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
                let planes = patches + k * pixelsAtOnce
                if padded > 0 { mk_pad_planes(&window, plane, channels, height, pitch, planes) }
                epilogue.row_bias = bias.map { $0 + group * filters }
                var first = 0
                while first < pixels {
                    let count = min(pixelsAtOnce, pixels - first)
                    if padded > 0 {
                        mk_pack_padded_patches(
                            &window, planes, channels, height, pitch, first, count, width, patches)
                    } else {
                        mk_pack_patches(&window, plane, channels, first, count, width, patches)
                    }
                    kernels.functions.gemm(
                        filters, count, k, weights + group * filters * k, k, patches, result + first, pixels,
                        &epilogue)
                    first += count
                }
            }
        }
    }

    /// Three and more spatial dimensions of float32.
    private func volumes(_ box: WindowBox, _ operands: Operands) throws(GraphError) -> Kernel {
        let (input, weights) = (try operands.shape(0), try operands.shape(1))
        let extents = ConvolutionExtents(
            images: input[0], groups: groups, channels: weights[1], filters: weights[0] / groups, input: box.input,
            output: box.output, kernel: box.kernel, strides: box.strides, dilations: box.dilations, pads: box.padsBegin)
        return try WindowProduct(forward: extents, operands)
            .kernel(
                Float.gradientKernels(operands.kernels), source: 0, weights: 1, bias: operands.has(2) ? 2 : nil,
                operands)
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
