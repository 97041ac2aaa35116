import TensorEngine

extension KerasGraphBuilder {
    /// MaxPooling, AveragePooling: padding takes no part in either.
    mutating func pooling(
        _ operatorType: String, _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var image = try image(layer, input, spatialRank: spatialRank)
        let size = try options.extents("pool_size", rank: spatialRank, default: 2)
        // Absent or null strides are the window's size.
        let strides =
            try options.cursor("strides") == nil
            ? size : try options.extents("strides", rank: spatialRank, default: nil)
        let window = KerasWindow(
            size: size, strides: strides, dilations: [Int](repeating: 1, count: spatialRank),
            padding: try padding(layer, allowsCausal: false))
        var (attributes, spatial) = try slide(window, over: image.spatial, layer)
        if operatorType == "AveragePool" { attributes["count_include_pad"] = .int(0) }
        image.name = emit(operatorType, [image.name], attributes, for: layer)
        image.spatial = spatial
        return value(image)
    }

    mutating func globalPooling(
        _ operatorType: String, _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        var input = input
        var share: String?
        if let mask = input.mask, spatialRank == 1, operatorType == "GlobalAveragePool" {
            // The mean of what is read: the mean with zeros for the rest, by the share that is read.
            input.name = emit("MaskSteps", [plain(input, for: layer), mask], for: layer)
            input.isChannelsFirst = false
            let row = emit("Unsqueeze", [mask, try literal([Int64(1)], "axes", of: layer)], for: layer)
            share = emit("GlobalAveragePool", [row], for: layer)
        }
        var image = try image(layer, input, spatialRank: spatialRank)
        image.name = emit(operatorType, [image.name], for: layer)
        if let share { image.name = emit("Div", [image.name, share], for: layer) }
        image.spatial = [Int?](repeating: 1, count: spatialRank)
        if try options(layer).bool("keepdims", default: false) { return value(image) }
        let name = emit("Flatten", [image.name], ["axis": .int(1)], for: layer)
        return KerasValue(name: name, dimensions: [nil, image.channels])
    }
}
