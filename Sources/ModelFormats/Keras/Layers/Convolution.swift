import TensorEngine

extension KerasGraphBuilder {
    /// Conv1D, Conv2D. Keras keeps kernels as [spatial…, channels / groups, filters] in both channel orders.
    mutating func convolution(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let filters = try options.extent(try options.required("filters"))
        var groups = 1
        if let cursor = try options.cursor("groups") { groups = try options.extent(cursor) }
        let image = try image(layer, input, spatialRank: spatialRank)
        let channels = try channelCount(image, layer)
        guard channels % groups == 0, filters % groups == 0 else {
            throw options.failure(
                .mismatch, "\(groups) groups divide not both \(channels) channels and \(filters) filters")
        }
        let window = try window(layer, spatialRank: spatialRank)
        let weights = weights
        let kernel = try constant("kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight(
                "kernel", of: layer, index: 0, shape: window.size + [channels / groups, filters])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([spatialRank + 1, spatialRank] + Array(0..<spatialRank))
            }
        }
        return try convolve(layer, image, kernel, window, groups: groups, filters: filters)
    }

    /// DepthwiseConv1D, DepthwiseConv2D: every channel has `depth_multiplier` filters of its own, kept as [spatial…, channels,
    /// multiplier]; the results lie channel by channel, as those of ONNX's Conv with one group a channel.
    mutating func depthwiseConvolution(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var multiplier = 1
        if let cursor = try options.cursor("depth_multiplier") { multiplier = try options.extent(cursor) }
        let image = try image(layer, input, spatialRank: spatialRank)
        let channels = try channelCount(image, layer)
        let window = try window(layer, spatialRank: spatialRank)
        let weights = weights
        // Read before the product is formed: a weight of that shape exists, so it fits.
        let kernel = try constant("kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight(
                "depthwise_kernel", "kernel", of: layer, index: 0, shape: window.size + [channels, multiplier])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([spatialRank, spatialRank + 1] + Array(0..<spatialRank))
                    .reshaped(to: try Shape([channels * multiplier, 1] + window.size))
            }
        }
        return try convolve(layer, image, kernel, window, groups: channels, filters: channels * multiplier)
    }

    mutating func convolve(
        _ layer: KerasLayer, _ image: KerasImage, _ kernel: String, _ window: KerasWindow, groups: Int, filters: Int,
        biasIndex: Int = 1
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var inputs = [image.name, kernel]
        if try options.bool("use_bias", default: true) {
            let weights = weights
            inputs.append(
                try constant("bias", of: layer) { () throws(ModelFormatError) -> Tensor in
                    try weights.weight("bias", of: layer, index: biasIndex, shape: [filters])
                })
        }
        var (attributes, spatial) = try slide(window, over: image.spatial, layer)
        if groups != 1 { attributes["group"] = .int(groups) }
        var result = image
        result.name = emit("Conv", inputs, attributes, for: layer)
        result.channels = filters
        result.spatial = spatial
        return try activation(layer, value(result))
    }

    func channelCount(_ image: KerasImage, _ layer: KerasLayer) throws(ModelFormatError) -> Int {
        guard let channels = image.channels else {
            throw options(layer).failure(.mismatch, "the number of channels of its input is not known")
        }
        return channels
    }

    func window(_ layer: KerasLayer, spatialRank: Int) throws(ModelFormatError) -> KerasWindow {
        let options = options(layer)
        let padding = try padding(layer, allowsCausal: spatialRank == 1)
        if padding == .causal, try options.isChannelsFirst() {
            throw options.failure(.unsupported, "causal padding of channels-first data; Keras has none either")
        }
        return KerasWindow(
            size: try options.extents("kernel_size", rank: spatialRank, default: nil),
            strides: try options.extents("strides", rank: spatialRank, default: 1),
            dilations: try options.extents("dilation_rate", rank: spatialRank, default: 1),
            padding: padding)
    }
}
