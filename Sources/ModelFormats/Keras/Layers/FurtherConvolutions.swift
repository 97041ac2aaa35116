import JSONDocuments
import TensorEngine

extension KerasGraphBuilder {
    /// SeparableConv1D, SeparableConv2D: filters for each channel, then a mixture of the channels.
    mutating func separableConvolution(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let filters = try options.extent(try options.required("filters"))
        var multiplier = 1
        if let cursor = try options.cursor("depth_multiplier") { multiplier = try options.extent(cursor) }
        var image = try image(layer, input, spatialRank: spatialRank)
        let channels = try channelCount(image, layer)
        let window = try window(layer, spatialRank: spatialRank)
        let weights = weights
        let depthwise = try constant("depthwise_kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight(
                "depthwise_kernel", of: layer, index: 0, shape: window.size + [channels, multiplier])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([spatialRank, spatialRank + 1] + Array(0..<spatialRank))
                    .reshaped(to: Shape([channels * multiplier, 1] + window.size))
            }
        }
        let ones = [Int](repeating: 1, count: spatialRank)
        let pointwise = try constant("pointwise_kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight(
                "pointwise_kernel", of: layer, index: 1, shape: ones + [channels * multiplier, filters])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([spatialRank + 1, spatialRank] + Array(0..<spatialRank))
            }
        }
        var (attributes, spatial) = try slide(window, over: image.spatial, layer)
        if channels != 1 { attributes["group"] = .int(channels) }
        image.name = emit("Conv", [image.name, depthwise], attributes, for: layer)
        image.channels = channels * multiplier
        image.spatial = spatial
        let point = KerasWindow(size: ones, strides: ones, dilations: ones, padding: .valid)
        return try convolve(layer, image, pointwise, point, groups: 1, filters: filters, biasIndex: 2)
    }

    /// Conv3D.
    mutating func volumeConvolution(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let filters = try options.extent(try options.required("filters"))
        if let cursor = try options.cursor("groups"), try options.extent(cursor) != 1 {
            throw options.failure(.unsupported, "groups of volumes are not supported")
        }
        var image = try image(layer, input, spatialRank: 3)
        let channels = try channelCount(image, layer)
        let window = try window(layer, spatialRank: 3)
        let weights = weights
        let kernel = try constant("kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight("kernel", of: layer, index: 0, shape: window.size + [channels, filters])
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.permuted([4, 0, 3, 1, 2])
                    .reshaped(to: Shape([filters, window.size[0] * channels, window.size[1], window.size[2]]))
            }
        }
        try convolveVolume(&image, kernel, window, filters: filters, layer)
        return try activation(layer, value(image))
    }

    /// A convolution of volumes as one of planes: the taps along the depth become channels, the depths rows.
    private mutating func convolveVolume(
        _ image: inout KerasImage, _ kernel: String, _ window: KerasWindow, filters: Int, _ layer: KerasLayer
    ) throws(ModelFormatError) {
        let options = options(layer)
        let channels = try channelCount(image, layer)
        let extents = image.spatial.compactMap { $0 }
        let (attributes, slid) = try slide(window, over: image.spatial, layer)
        let results = slid.compactMap { $0 }
        guard extents.count == 3, results.count == 3 else {
            throw options.failure(.unsupported, "volumes whose extents are not known are not supported")
        }
        var pads = [Int](repeating: 0, count: 6)
        if case .ints(let found)? = attributes["pads"] { pads = found }
        let (depth, stride) = (results[0], window.strides[0])
        var taps: [String] = []
        for tap in 0..<window.size[0] {
            let begin = pads[0] - tap * window.dilations[0]
            // Every stride's first plane is kept.
            let end = depth * stride - extents[0] - begin
            var name = try pad(image.name, [0, 0, begin, 0, 0, 0, 0, end, 0, 0], layer)
            if stride > 1 {
                name = try reshape(name, [0, channels, depth, stride, extents[1], extents[2]], layer)
                name = try pad(name, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1 - stride, 0, 0], layer)
                name = try reshape(name, [0, channels, depth, extents[1], extents[2]], layer)
            }
            taps.append(name)
        }
        let channelsOfAll = channels * taps.count
        let joined = taps.count == 1 ? taps[0] : emit("Concat", taps, ["axis": .int(1)], for: layer)
        let turned = emit("Transpose", [joined], ["perm": .ints([0, 2, 1, 3, 4])], for: layer)
        let planes = try reshape(turned, [-1, channelsOfAll, extents[1], extents[2]], layer)
        var operands = [planes, kernel]
        if try options.bool("use_bias", default: true) {
            let weights = weights
            operands.append(
                try constant("bias", of: layer) { () throws(ModelFormatError) -> Tensor in
                    try weights.weight("bias", of: layer, index: 1, shape: [filters])
                })
        }
        let convolved = emit(
            "Conv", operands,
            [
                "kernel_shape": .ints(Array(window.size[1...])), "strides": .ints(Array(window.strides[1...])),
                "dilations": .ints(Array(window.dilations[1...])),
                "pads": .ints([pads[1], pads[2], pads[4], pads[5]]),
            ], for: layer)
        let rows = try reshape(convolved, [-1, depth, filters, results[1], results[2]], layer)
        image.name = emit("Transpose", [rows], ["perm": .ints([0, 2, 1, 3, 4])], for: layer)
        image.channels = filters
        image.spatial = slid
    }

    /// Conv1DTranspose to Conv3DTranspose: a convolution, with the kernel turned round, of the input with zeros between its
    /// elements.
    mutating func transposedConvolution(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let filters = try options.extent(try options.required("filters"))
        var image = try image(layer, input, spatialRank: spatialRank)
        let channels = try channelCount(image, layer)
        let spatial = image.spatial.compactMap { $0 }
        guard spatial.count == spatialRank else {
            throw options.failure(.unsupported, "an input whose extents \(input.shapeText) are not known")
        }
        let slide = try window(layer, spatialRank: spatialRank)
        let geometry = try TransposedWindow(slide, over: spatial, layer, options)
        var enlarged = image
        enlarged.spatial = geometry.outputs
        enlarged.channels = filters
        try check(value(enlarged), of: layer)

        let weights = weights
        let area = slide.size.reduce(1, *)
        let kernel = try constant("kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight("kernel", of: layer, index: 0, shape: slide.size + [filters, channels])
                .blocks((0..<area).reversed())
            return try options.tensor { () throws(TensorError) -> Tensor in
                if spatialRank == 3 {
                    return try kernel.permuted([3, 0, 4, 1, 2])
                        .reshaped(to: Shape([filters, slide.size[0] * channels, slide.size[1], slide.size[2]]))
                }
                return try kernel.permuted([spatialRank, spatialRank + 1] + Array(0..<spatialRank))
            }
        }
        var stretched = spatial
        if slide.strides.contains(where: { $0 > 1 }) {
            let split = try reshape(image.name, [0, channels] + spatial.flatMap { [$0, 1] }, layer)
            // Before each axis nothing; after each element's own axis the zeros.
            let zeros = [Int](repeating: 0, count: 4 + 2 * spatialRank)
            let filled = try pad(split, zeros + slide.strides.flatMap { [0, $0 - 1] }, layer)
            stretched = zip(spatial, slide.strides).map { $0 * $1 }
            image.name = try reshape(filled, [0, channels] + stretched, layer)
        }
        let ends = zip(geometry.ends, slide.strides).map { $0 - ($1 - 1) }
        image.name = try pad(image.name, [0, 0] + geometry.begins + [0, 0] + ends, layer)
        image.spatial = stretched.indices.map { stretched[$0] + geometry.begins[$0] + ends[$0] }
        let ones = [Int](repeating: 1, count: spatialRank)
        let window = KerasWindow(size: slide.size, strides: ones, dilations: slide.dilations, padding: .valid)
        guard spatialRank == 3 else {
            return try convolve(layer, image, kernel, window, groups: 1, filters: filters)
        }
        try convolveVolume(&image, kernel, window, filters: filters, layer)
        return try activation(layer, value(image))
    }
}

/// What a transposed convolution puts around its input's elements, `(extent - 1) · stride + 1` with zeros between them.
private struct TransposedWindow {
    var begins: [Int] = []
    var ends: [Int] = []
    var outputs: [Int] = []

    init(
        _ window: KerasWindow, over spatial: [Int], _ layer: KerasLayer, _ options: KerasOptions
    ) throws(ModelFormatError) {
        guard window.padding != .causal else {
            throw options.failure(.unsupported, "padding 'causal'; supported are 'valid' and 'same'")
        }
        var extra: [Int]?
        if let cursor = try options.cursor("output_padding") {
            if case .array = cursor.value {
                var list: [Int] = []
                let elements = try readingJSON(of: options.file, at: layer.label, cursor.elements)
                for element in elements { list.append(try options.extent(element, minimum: 0)) }
                extra = list
            } else {
                extra = [Int](repeating: try options.extent(cursor, minimum: 0), count: spatial.count)
            }
        }
        if let extra, extra.count != spatial.count {
            throw options.failure(.malformed, "output_padding has \(extra.count) numbers, expected \(spatial.count)")
        }
        for axis in spatial.indices {
            // Extents and options are at most 2^28, so the products fit.
            let (extent, stride) = (spatial[axis], window.strides[axis])
            let reach = (window.size[axis] - 1) * window.dilations[axis] + 1
            let whole = (extent - 1) * stride + reach
            let isSame = window.padding == .same
            let output: Int
            if let extra {
                output = whole - (isSame ? reach / 2 * 2 : 0) + extra[axis]
            } else {
                output = isSame ? extent * stride : extent * stride + max(reach - stride, 0)
            }
            guard output > 0 else {
                throw options.failure(.mismatch, "nothing is left of the extent \(extent)")
            }
            let before = isSame ? max(whole - output, 0) / 2 : 0
            begins.append(reach - 1 - before)
            ends.append(output - whole + reach - 1 + before)
            outputs.append(output)
        }
    }
}
