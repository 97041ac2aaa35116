import TensorEngine

extension KerasGraphBuilder {
    /// `activation(x · kernel + bias)` over the last axis.
    mutating func dense(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let units = try options.extent(try options.required("units"))
        guard input.rank >= 2 else {
            throw options.failure(
                .mismatch, "found an input of shape \(input.shapeText), expected at least one axis after the batch")
        }
        guard let features = input.dimensions[input.rank - 1] else {
            throw options.failure(.mismatch, "the last extent of its input \(input.shapeText) is not known")
        }
        let weights = weights
        let kernel = try constant("kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            try weights.weight("kernel", of: layer, index: 0, shape: [features, units])
        }
        var bias: String?
        if try options.bool("use_bias", default: true) {
            bias = try constant("bias", of: layer) { () throws(ModelFormatError) -> Tensor in
                try weights.weight("bias", of: layer, index: 1, shape: [units])
            }
        }
        let x = plain(input, for: layer)
        let name: String
        if let bias, input.rank == 2 {
            name = emit("Gemm", [x, kernel, bias], for: layer)
        } else {
            let product = emit("MatMul", [x, kernel], for: layer)
            name = bias.map { emit("Add", [product, $0], for: layer) } ?? product
        }
        var result = KerasValue(name: name, dimensions: input.dimensions.dropLast() + [units])
        if input.rank > 2 { result.mask = input.mask }
        return try activation(layer, result)
    }
}
