import TensorEngine

extension KerasGraphBuilder {
    /// BatchNormalization with its moving statistics; ONNX's normalizes axis 1, Keras's any.
    mutating func batchNormalization(
        _ layer: KerasLayer, _ input: KerasValue
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        if try options.bool("renorm", default: false) {
            throw options.failure(.unsupported, "the option 'renorm' is not supported")
        }
        let axis = try options.axis("axis", rank: input.rank, default: -1)
        guard let channels = input.dimensions[axis] else {
            throw options.failure(.mismatch, "the extent of axis \(axis) of its input \(input.shapeText) is not known")
        }
        // What the file must hold comes first: it shows that there are so many channels, before memory is taken for others.
        let (scales, shifts) = (try options.bool("scale", default: true), try options.bool("center", default: true))
        let first = (scales ? 1 : 0) + (shifts ? 1 : 0)
        let mean = try channelConstant("moving_mean", layer, channels, index: first, 0)
        let variance = try channelConstant("moving_variance", layer, channels, index: first + 1, 0)
        let scale = try channelConstant("gamma", layer, channels, index: scales ? 0 : nil, 1)
        let shift = try channelConstant("beta", layer, channels, index: shifts ? first - 1 : nil, 0)
        let epsilon = try options.number("epsilon") ?? 1e-3
        // Which share of the moving statistics a training step keeps.
        let momentum = try options.number("momentum") ?? 0.99
        let attributes: [String: AttributeValue] = [
            "epsilon": .float(Float(epsilon)), "momentum": .float(Float(momentum)),
        ]

        var result = input
        if axis == input.rank - 1 {
            let x = channelsFirst(input, for: layer)
            result.name = emit("BatchNormalization", [x, scale, shift, mean, variance], attributes, for: layer)
            result.isChannelsFirst = input.rank > 2
        } else {
            var permutation = Array(0..<input.rank)
            permutation.swapAt(1, axis)
            let x = transpose(plain(input, for: layer), permutation, for: layer)
            let y = emit("BatchNormalization", [x, scale, shift, mean, variance], attributes, for: layer)
            // A swap is its own inverse.
            result.name = transpose(y, permutation, for: layer)
            result.isChannelsFirst = false
        }
        return result
    }

    private mutating func channelConstant(
        _ title: String, _ layer: KerasLayer, _ channels: Int, index: Int?, _ neutral: Float
    ) throws(ModelFormatError) -> String {
        let weights = weights
        let options = options(layer)
        return try constant(title, of: layer) { () throws(ModelFormatError) -> Tensor in
            if let index { return try weights.weight(title, of: layer, index: index, shape: [channels]) }
            return try options.tensor { () throws(TensorError) -> Tensor in
                try Tensor(shape: try Shape([channels]), elements: [Float](repeating: neutral, count: channels))
            }
        }
    }
}
