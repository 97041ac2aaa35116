/// Translates one call of one layer.
typealias KerasLayerTranslator =
    @Sendable (
        inout KerasGraphBuilder, KerasLayer, [KerasValue]
    ) throws(ModelFormatError) -> KerasValue

/// The layers that can be translated, by Keras's class name.
enum KerasLayerTable {
    static let translators: [String: KerasLayerTranslator] = [
        "Dense": { (b, l, v) throws(ModelFormatError) in try b.dense(l, try b.one(v, l)) },
        "Conv1D": { (b, l, v) throws(ModelFormatError) in try b.convolution(l, try b.one(v, l), spatialRank: 1) },
        "Conv2D": { (b, l, v) throws(ModelFormatError) in try b.convolution(l, try b.one(v, l), spatialRank: 2) },
        "DepthwiseConv2D": { (b, l, v) throws(ModelFormatError) in try b.depthwiseConvolution(l, try b.one(v, l)) },
        "MaxPooling1D": { (b, l, v) throws(ModelFormatError) in
            try b.pooling("MaxPool", l, try b.one(v, l), spatialRank: 1)
        },
        "MaxPooling2D": { (b, l, v) throws(ModelFormatError) in
            try b.pooling("MaxPool", l, try b.one(v, l), spatialRank: 2)
        },
        "AveragePooling1D": { (b, l, v) throws(ModelFormatError) in
            try b.pooling("AveragePool", l, try b.one(v, l), spatialRank: 1)
        },
        "AveragePooling2D": { (b, l, v) throws(ModelFormatError) in
            try b.pooling("AveragePool", l, try b.one(v, l), spatialRank: 2)
        },
        "GlobalMaxPooling1D": { (b, l, v) throws(ModelFormatError) in
            try b.globalPooling("GlobalMaxPool", l, try b.one(v, l), spatialRank: 1)
        },
        "GlobalMaxPooling2D": { (b, l, v) throws(ModelFormatError) in
            try b.globalPooling("GlobalMaxPool", l, try b.one(v, l), spatialRank: 2)
        },
        "GlobalAveragePooling1D": { (b, l, v) throws(ModelFormatError) in
            try b.globalPooling("GlobalAveragePool", l, try b.one(v, l), spatialRank: 1)
        },
        "GlobalAveragePooling2D": { (b, l, v) throws(ModelFormatError) in
            try b.globalPooling("GlobalAveragePool", l, try b.one(v, l), spatialRank: 2)
        },
        "BatchNormalization": { (b, l, v) throws(ModelFormatError) in try b.batchNormalization(l, try b.one(v, l)) },
        "Dropout": identity, "SpatialDropout1D": identity, "SpatialDropout2D": identity,
        "GaussianDropout": identity, "GaussianNoise": identity, "AlphaDropout": identity,
        "ActivityRegularization": identity,
        "Flatten": { (b, l, v) throws(ModelFormatError) in try b.flatten(l, try b.one(v, l)) },
        "Reshape": { (b, l, v) throws(ModelFormatError) in try b.reshape(l, try b.one(v, l)) },
        "Permute": { (b, l, v) throws(ModelFormatError) in try b.permute(l, try b.one(v, l)) },
        "ZeroPadding1D": { (b, l, v) throws(ModelFormatError) in try b.zeroPadding(l, try b.one(v, l), spatialRank: 1)
        },
        "ZeroPadding2D": { (b, l, v) throws(ModelFormatError) in try b.zeroPadding(l, try b.one(v, l), spatialRank: 2)
        },
        "Activation": { (b, l, v) throws(ModelFormatError) in try b.activation(l, try b.one(v, l)) },
        "ReLU": { (b, l, v) throws(ModelFormatError) in try b.relu(l, try b.one(v, l)) },
        "LeakyReLU": { (b, l, v) throws(ModelFormatError) in try b.leakyRelu(l, try b.one(v, l)) },
        "ELU": { (b, l, v) throws(ModelFormatError) in try b.elu(l, try b.one(v, l)) },
        "Softmax": { (b, l, v) throws(ModelFormatError) in try b.softmax(l, try b.one(v, l)) },
        "Add": { (b, l, v) throws(ModelFormatError) in try b.merge("Add", l, v) },
        "Subtract": { (b, l, v) throws(ModelFormatError) in try b.merge("Sub", l, v) },
        "Multiply": { (b, l, v) throws(ModelFormatError) in try b.merge("Mul", l, v) },
        "Average": { (b, l, v) throws(ModelFormatError) in try b.average(l, v) },
        "Concatenate": { (b, l, v) throws(ModelFormatError) in try b.concatenate(l, v) },
    ]

    /// "Activation, Add, …", for error messages.
    static var names: String { (["InputLayer"] + translators.keys).sorted().joined(separator: ", ") }

    /// Layers that only act while training.
    private static let identity: KerasLayerTranslator = { (builder, layer, values) throws(ModelFormatError) in
        try builder.one(values, layer)
    }
}

extension KerasGraphBuilder {
    /// The only input of a layer that takes one.
    func one(_ values: [KerasValue], _ layer: KerasLayer) throws(ModelFormatError) -> KerasValue {
        guard values.count == 1, let value = values.first else {
            throw options(layer).failure(.malformed, "found \(values.count) inputs, expected one")
        }
        return value
    }
}
