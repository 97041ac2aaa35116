import TensorEngine

/// The input of a convolution or pooling layer in ONNX's order: batch, channels, spatial axes.
struct KerasImage {
    var name: String
    var channels: Int?
    var spatial: [Int?]
    /// Whether Keras's order is the same.
    var isChannelsFirst: Bool
}

/// How a window slides over the spatial axes.
struct KerasWindow {
    var size: [Int]
    var strides: [Int]
    var dilations: [Int]
    var padding: Padding

    enum Padding: String { case valid, same, causal }
}

extension KerasGraphBuilder {
    mutating func image(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasImage {
        let options = options(layer)
        guard input.rank == spatialRank + 2 else {
            throw options.failure(
                .mismatch, "found an input of shape \(input.shapeText), expected \(spatialRank + 2) axes")
        }
        if try options.isChannelsFirst() {
            return KerasImage(
                name: plain(input, for: layer), channels: input.dimensions[1],
                spatial: Array(input.dimensions[2...]), isChannelsFirst: true)
        }
        return KerasImage(
            name: channelsFirst(input, for: layer), channels: input.dimensions[input.rank - 1],
            spatial: Array(input.dimensions[1..<(input.rank - 1)]), isChannelsFirst: false)
    }

    /// The value of an image in ONNX's order.
    func value(_ image: KerasImage) -> KerasValue {
        image.isChannelsFirst
            ? KerasValue(name: image.name, dimensions: [nil, image.channels] + image.spatial)
            : KerasValue(name: image.name, dimensions: [nil] + image.spatial + [image.channels], isChannelsFirst: true)
    }

    func padding(_ layer: KerasLayer, allowsCausal: Bool) throws(ModelFormatError) -> KerasWindow.Padding {
        let options = options(layer)
        let text = try options.string("padding", default: "valid")
        guard let padding = KerasWindow.Padding(rawValue: text.lowercased()), allowsCausal || padding != .causal else {
            let supported = allowsCausal ? "'valid', 'same' and 'causal'" : "'valid' and 'same'"
            throw options.failure(.unsupported, "padding '\(text)'; supported are \(supported)")
        }
        return padding
    }

    /// The attributes of ONNX's Conv, MaxPool or AveragePool, and the spatial extents of its result.
    ///
    /// Keras's "same" is ONNX's `SAME_UPPER`. Where the extents are known the padding is written out.
    func slide(
        _ window: KerasWindow, over spatial: [Int?], _ layer: KerasLayer
    ) throws(ModelFormatError) -> (attributes: [String: AttributeValue], spatial: [Int?]) {
        var attributes: [String: AttributeValue] = [
            "kernel_shape": .ints(window.size), "strides": .ints(window.strides),
        ]
        if window.dilations.contains(where: { $0 != 1 }) { attributes["dilations"] = .ints(window.dilations) }
        var before: [Int] = []
        var after: [Int] = []
        var result: [Int?] = []
        for (axis, extent) in spatial.enumerated() {
            // Options are at most 2^28, so the product fits.
            let reach = (window.size[axis] - 1) * window.dilations[axis] + 1
            let stride = window.strides[axis]
            switch window.padding {
            case .same:
                guard let extent else { break }
                let steps = (extent + stride - 1) / stride
                let total = max((steps - 1) * stride + reach - extent, 0)
                before.append(total / 2)
                after.append(total - total / 2)
                result.append(steps)
                continue
            case .causal:
                before.append(reach - 1)
                after.append(0)
                result.append(extent.map { ($0 - 1) / stride + 1 })
                continue
            case .valid:
                before.append(0)
                after.append(0)
                guard let extent else { break }
                guard extent >= reach else {
                    throw options(layer).failure(
                        .mismatch, "a window of \(reach) does not fit the extent \(extent) of its input")
                }
                result.append((extent - reach) / stride + 1)
                continue
            }
            result.append(nil)
        }
        if window.padding == .same, before.count < spatial.count {
            attributes["auto_pad"] = .string("SAME_UPPER")
        } else if (before + after).contains(where: { $0 != 0 }) {
            attributes["pads"] = .ints(before + after)
        }
        return (attributes, result)
    }
}
