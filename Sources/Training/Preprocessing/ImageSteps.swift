import TensorEngine

extension PipelineBuilder {
    mutating func resize(_ columns: [String]?, _ options: PreprocessingStep.ResizeOptions) throws(DataError) {
        for (index, _) in try tracks(columns, suiting: "an image", { track, _ in track.content == .tensor }) {
            let track = tracks[index]
            guard options.layout.extents(track.dimensions) != nil else {
                throw DataError(
                    .mismatch,
                    "the tensor \(DataError.quoted(track.features[0])) is of shape \(track.dimensions), expected an "
                        + "image of two or three dimensions")
            }
            let isFirst = options.layout == .channelsFirst && track.dimensions.count == 3
            let axes = isFirst ? [2, 3] : [1, 2]
            var dimensions = track.dimensions
            (dimensions[axes[0] - 1], dimensions[axes[1] - 1]) = (options.height, options.width)
            var attributes: [String: AttributeValue] = [
                "mode": .string(options.mode.rawValue), "axes": .ints(axes),
                "coordinate_transformation_mode": .string("half_pixel"),
            ]
            if options.antialiases, options.mode != .nearest { attributes["antialias"] = .int(1) }
            let sizes = try constant([Int64(options.height), Int64(options.width)], shape: [2])
            tracks[index].value = add("Resize", [track.value, "", "", sizes], attributes: attributes)
            tracks[index].dimensions = dimensions
            tracks[index].columnNames = (0..<tracks[index].width).map { "\(track.features[0])[\($0)]" }
        }
    }

    mutating func select(_ names: [String]) throws(DataError) {
        let kept = try tracks(names, suiting: "there") { _, _ in true }
        var result: [Track] = []
        for (index, places) in kept {
            var track = tracks[index]
            if track.content == .columns, places.count < track.features.count {
                track.value = try columns(track.value, places)
                track.features = places.map { tracks[index].features[$0] }
                track.columnNames = places.map { tracks[index].columnNames[$0] }
                track.dimensions = [places.count]
            }
            result.append(track)
        }
        tracks = result
    }
}
