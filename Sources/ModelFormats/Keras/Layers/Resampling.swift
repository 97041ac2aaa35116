import TensorEngine

extension KerasGraphBuilder {
    /// Cropping1D to 3D: padding by negative extents.
    mutating func cropping(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var image = try image(layer, input, spatialRank: spatialRank)
        let pairs = try paddingPairs(layer, spatialRank: spatialRank, option: "cropping")
        for axis in pairs.indices {
            guard let extent = image.spatial[axis] else { continue }
            let rest = extent - pairs[axis].before - pairs[axis].after
            guard rest > 0 else {
                throw options.failure(
                    .mismatch, "cropping \(pairs[axis].before) and \(pairs[axis].after) leaves nothing of \(extent)")
            }
            image.spatial[axis] = rest
        }
        let pads = [0, 0] + pairs.map { -$0.before } + [0, 0] + pairs.map { -$0.after }
        image.name = try pad(image.name, pads, layer)
        return value(image)
    }

    /// ONNX's Pad with zeros; negative extents cut off.
    mutating func pad(_ name: String, _ pads: [Int], _ layer: KerasLayer) throws(ModelFormatError) -> String {
        if pads.allSatisfy({ $0 == 0 }) { return name }
        let literal = try literal(pads.map { Int64($0) }, "pads", of: layer)
        return emit("Pad", [name, literal], ["mode": .string("constant")], for: layer)
    }

    /// RepeatVector: [batch, features] to [batch, n, features].
    mutating func repeatVector(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let count = try options.extent(try options.required("n"))
        guard input.rank == 2, let features = input.dimensions[1] else {
            throw options.failure(
                .mismatch, "found an input of shape \(input.shapeText), expected [batch, features]")
        }
        let row = try reshape(plain(input, for: layer), [0, 1, features], layer)
        let name = emit("Mul", [row, try ones([1, count, 1], layer)], for: layer)
        return KerasValue(name: name, dimensions: [nil, count, features])
    }

    /// Ones of a shape, to repeat by broadcasting: a product with 1 is exact.
    private mutating func ones(_ shape: [Int], _ layer: KerasLayer) throws(ModelFormatError) -> String {
        let options = options(layer)
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= 1 << 20 else {
                throw options.failure(.tooLarge, "repeats its input more than \(1 << 20) times")
            }
            count = product
        }
        return try constant("ones \(shape)", of: layer) { () throws(ModelFormatError) -> Tensor in
            try options.tensor { () throws(TensorError) -> Tensor in
                try Tensor(shape: Shape(shape), elements: [Float](repeating: 1, count: count))
            }
        }
    }

    /// UpSampling1D to 3D by repetition, and UpSampling2D by bilinear interpolation.
    mutating func upSampling(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var image = try image(layer, input, spatialRank: spatialRank)
        let size = try options.extents("size", rank: spatialRank, default: 2)
        let spatial = image.spatial.compactMap { $0 }
        guard spatial.count == spatialRank, let channels = image.channels else {
            throw options.failure(.mismatch, "an extent of its input \(input.shapeText) is not known")
        }
        var results: [Int] = []
        for axis in size.indices {
            let (extent, overflow) = spatial[axis].multipliedReportingOverflow(by: size[axis])
            guard !overflow, extent <= KerasOptions.maximumExtent else {
                throw options.failure(.tooLarge, "\(size[axis]) times the extent \(spatial[axis])")
            }
            results.append(extent)
        }
        image.spatial = results
        let result = value(image)
        try check(result, of: layer)
        switch try options.string("interpolation", default: "nearest") {
        case "nearest":
            let split = try reshape(image.name, [0, channels] + spatial.flatMap { [$0, 1] }, layer)
            let repeated = emit("Mul", [split, try ones(size.flatMap { [1, $0] }, layer)], for: layer)
            image.name = try reshape(repeated, [0, channels] + results, layer)
        case "bilinear" where spatialRank == 2:
            let rows = try interpolation(from: spatial[0], to: results[0], transposed: false, layer)
            let columns = try interpolation(from: spatial[1], to: results[1], transposed: true, layer)
            let tall = emit("MatMul", [rows, image.name], for: layer)
            image.name = emit("MatMul", [tall, columns], for: layer)
        case let other:
            throw options.failure(.unsupported, "interpolation '\(other)'; supported are 'nearest' and 'bilinear'")
        }
        return value(image)
    }

    /// The matrix of linear interpolation between the centres of pixels, [to, from] or transposed.
    private mutating func interpolation(
        from: Int, to: Int, transposed: Bool, _ layer: KerasLayer
    ) throws(ModelFormatError) -> String {
        let options = options(layer)
        guard from <= 1 << 12, to <= 1 << 12 else {
            throw options.failure(.tooLarge, "bilinear interpolation of \(from) to \(to); the limit is \(1 << 12)")
        }
        return try constant("bilinear \(from) \(to) \(transposed)", of: layer) {
            () throws(ModelFormatError) -> Tensor in
            var matrix = [Float](repeating: 0, count: from * to)
            for output in 0..<to {
                let centre = (Float(output) + 0.5) * Float(from) / Float(to) - 0.5
                let lower = Int(max(centre, 0))
                let upper = min(lower + 1, from - 1)
                let share = min(max(centre - Float(lower), 0), 1)
                for (index, weight) in [(lower, 1 - share), (upper, share)] {
                    matrix[transposed ? index * to + output : output * from + index] += weight
                }
            }
            return try options.tensor { () throws(TensorError) -> Tensor in
                try Tensor(shape: Shape(transposed ? [from, to] : [to, from]), elements: matrix)
            }
        }
    }
}
