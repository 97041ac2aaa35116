import TensorEngine

extension KerasGraphBuilder {
    /// Dropout: nothing in a model that is only served, ONNX's `Dropout` in one to train.
    mutating func dropout(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        guard weights.areMade else { return input }
        var result = input
        result.name = try dropout(input.name, layer, rate: try options(layer).number("rate") ?? 0)
        return result
    }

    /// SpatialDropout1D, SpatialDropout2D: whole channels are dropped, by the product with one number for each.
    mutating func spatialDropout(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        guard weights.areMade else { return input }
        let rate = try options(layer).number("rate") ?? 0
        if rate == 0 { return input }
        var image = try image(layer, input, spatialRank: spatialRank)
        let extents = emit("Shape", [image.name], ["start": .int(0), "end": .int(2)], for: layer)
        let rest = try literal([Int64](repeating: 1, count: spatialRank), "extents", of: layer)
        let shape = emit("Concat", [extents, rest], ["axis": .int(0)], for: layer)
        let one = try options(layer).tensor { () throws(TensorError) -> Tensor in
            try Tensor(shape: [1], elements: [Float(1)])
        }
        let ones = emit("ConstantOfShape", [shape], ["value": .tensor(one)], for: layer)
        image.name = emit("Mul", [image.name, try dropout(ones, layer, rate: rate)], for: layer)
        return value(image)
    }

    /// Every element with the probability `rate` zero, and the others divided by what is left.
    mutating func dropout(_ name: String, _ layer: KerasLayer, rate: Double) throws(ModelFormatError) -> String {
        if rate == 0 { return name }
        return emit("Dropout", [name, try literal([Float(rate)], scalar: true, "ratio", of: layer)], for: layer)
    }
}
