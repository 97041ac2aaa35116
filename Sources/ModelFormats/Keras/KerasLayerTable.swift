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
        "Conv3D": { (b, l, v) throws(ModelFormatError) in try b.volumeConvolution(l, try b.one(v, l)) },
        "Conv1DTranspose": { (b, l, v) throws(ModelFormatError) in
            try b.transposedConvolution(l, try b.one(v, l), spatialRank: 1)
        },
        "Conv2DTranspose": { (b, l, v) throws(ModelFormatError) in
            try b.transposedConvolution(l, try b.one(v, l), spatialRank: 2)
        },
        "Conv3DTranspose": { (b, l, v) throws(ModelFormatError) in
            try b.transposedConvolution(l, try b.one(v, l), spatialRank: 3)
        },
        "DepthwiseConv1D": { (b, l, v) throws(ModelFormatError) in
            try b.depthwiseConvolution(l, try b.one(v, l), spatialRank: 1)
        },
        "DepthwiseConv2D": { (b, l, v) throws(ModelFormatError) in
            try b.depthwiseConvolution(l, try b.one(v, l), spatialRank: 2)
        },
        "SeparableConv1D": { (b, l, v) throws(ModelFormatError) in
            try b.separableConvolution(l, try b.one(v, l), spatialRank: 1)
        },
        "SeparableConv2D": { (b, l, v) throws(ModelFormatError) in
            try b.separableConvolution(l, try b.one(v, l), spatialRank: 2)
        },
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
        "Dropout": { (b, l, v) throws(ModelFormatError) in try b.dropout(l, try b.one(v, l)) },
        "SpatialDropout1D": { (b, l, v) throws(ModelFormatError) in
            try b.spatialDropout(l, try b.one(v, l), spatialRank: 1)
        },
        "SpatialDropout2D": { (b, l, v) throws(ModelFormatError) in
            try b.spatialDropout(l, try b.one(v, l), spatialRank: 2)
        },
        "GaussianDropout": identity, "GaussianNoise": identity, "AlphaDropout": identity,
        "ActivityRegularization": identity,
        "Flatten": { (b, l, v) throws(ModelFormatError) in try b.flatten(l, try b.one(v, l)) },
        "Reshape": { (b, l, v) throws(ModelFormatError) in try b.reshape(l, try b.one(v, l)) },
        "Permute": { (b, l, v) throws(ModelFormatError) in try b.permute(l, try b.one(v, l)) },
        "ZeroPadding1D": { (b, l, v) throws(ModelFormatError) in try b.zeroPadding(l, try b.one(v, l), spatialRank: 1)
        },
        "ZeroPadding2D": { (b, l, v) throws(ModelFormatError) in try b.zeroPadding(l, try b.one(v, l), spatialRank: 2)
        },
        "ZeroPadding3D": { (b, l, v) throws(ModelFormatError) in try b.zeroPadding(l, try b.one(v, l), spatialRank: 3)
        },
        "Cropping1D": { (b, l, v) throws(ModelFormatError) in try b.cropping(l, try b.one(v, l), spatialRank: 1) },
        "Cropping2D": { (b, l, v) throws(ModelFormatError) in try b.cropping(l, try b.one(v, l), spatialRank: 2) },
        "Cropping3D": { (b, l, v) throws(ModelFormatError) in try b.cropping(l, try b.one(v, l), spatialRank: 3) },
        "UpSampling1D": { (b, l, v) throws(ModelFormatError) in try b.upSampling(l, try b.one(v, l), spatialRank: 1) },
        "UpSampling2D": { (b, l, v) throws(ModelFormatError) in try b.upSampling(l, try b.one(v, l), spatialRank: 2) },
        "UpSampling3D": { (b, l, v) throws(ModelFormatError) in try b.upSampling(l, try b.one(v, l), spatialRank: 3) },
        "RepeatVector": { (b, l, v) throws(ModelFormatError) in try b.repeatVector(l, try b.one(v, l)) },
        "Embedding": { (b, l, v) throws(ModelFormatError) in try b.embedding(l, try b.one(v, l)) },
        "Masking": { (b, l, v) throws(ModelFormatError) in try b.masking(l, try b.one(v, l)) },
        "TimeDistributed": { (b, l, v) throws(ModelFormatError) in try b.timeDistributed(l, try b.one(v, l)) },
        "LayerNormalization": { (b, l, v) throws(ModelFormatError) in try b.layerNormalization(l, try b.one(v, l)) },
        "GroupNormalization": { (b, l, v) throws(ModelFormatError) in try b.groupNormalization(l, try b.one(v, l)) },
        "MultiHeadAttention": { (b, l, v) throws(ModelFormatError) in try b.multiHeadAttention(l, v) },
        "PReLU": { (b, l, v) throws(ModelFormatError) in try b.parametricRelu(l, try b.one(v, l)) },
        "Rescaling": { (b, l, v) throws(ModelFormatError) in try b.rescaling(l, try b.one(v, l)) },
        "Normalization": { (b, l, v) throws(ModelFormatError) in try b.standardization(l, try b.one(v, l)) },
        "SpatialDropout3D": identity,
        "Activation": { (b, l, v) throws(ModelFormatError) in try b.activation(l, try b.one(v, l)) },
        "ReLU": { (b, l, v) throws(ModelFormatError) in try b.relu(l, try b.one(v, l)) },
        "LeakyReLU": { (b, l, v) throws(ModelFormatError) in try b.leakyRelu(l, try b.one(v, l)) },
        "ELU": { (b, l, v) throws(ModelFormatError) in try b.elu(l, try b.one(v, l)) },
        "Softmax": { (b, l, v) throws(ModelFormatError) in try b.softmax(l, try b.one(v, l)) },
        "Add": { (b, l, v) throws(ModelFormatError) in try b.merge("Add", l, v) },
        "Subtract": { (b, l, v) throws(ModelFormatError) in try b.merge("Sub", l, v) },
        "Multiply": { (b, l, v) throws(ModelFormatError) in try b.merge("Mul", l, v) },
        "Maximum": { (b, l, v) throws(ModelFormatError) in try b.merge("Max", l, v) },
        "Minimum": { (b, l, v) throws(ModelFormatError) in try b.merge("Min", l, v) },
        "Average": { (b, l, v) throws(ModelFormatError) in try b.average(l, v) },
        "Concatenate": { (b, l, v) throws(ModelFormatError) in try b.concatenate(l, v) },
    ]

    /// Layers with several outputs.
    static let several:
        [String: @Sendable (inout KerasGraphBuilder, KerasLayer, [KerasValue]) throws(ModelFormatError) -> [KerasValue]] =
            [
                "SimpleRNN": { (b, l, v) throws(ModelFormatError) in try b.recurrent(l, v) },
                "GRU": { (b, l, v) throws(ModelFormatError) in try b.recurrent(l, v) },
                "LSTM": { (b, l, v) throws(ModelFormatError) in try b.recurrent(l, v) },
                "Bidirectional": { (b, l, v) throws(ModelFormatError) in try b.bidirectional(l, v) },
                "Functional": { (b, l, v) throws(ModelFormatError) in try b.nestedModel(l, v) },
                "Model": { (b, l, v) throws(ModelFormatError) in try b.nestedModel(l, v) },
                "Sequential": { (b, l, v) throws(ModelFormatError) in try b.nestedModel(l, v) },
            ]

    /// Layers that read integers, or hand them on to such.
    static let integerReaders: Set<String> = models.union(["Embedding"])
    /// Models as layers.
    static let models: Set<String> = ["Functional", "Model", "Sequential"]
    /// Layers that take tensors or switches by keyword.
    static let keywordTakers: Set<String> = ["MultiHeadAttention", "SimpleRNN", "GRU", "LSTM", "Bidirectional"]

    static func supports(_ className: String) -> Bool {
        translators[className] != nil || several[className] != nil
    }

    /// "Activation, Add, …", for error messages.
    static var names: String {
        (["InputLayer"] + translators.keys + several.keys).sorted().joined(separator: ", ")
    }

    /// Layers that only act while training.
    private static let identity: KerasLayerTranslator = { (builder, layer, values) throws(ModelFormatError) in
        try builder.one(values, layer)
    }
}

extension KerasGraphBuilder {
    /// Translates one call, whose keywords and switches are set.
    mutating func translate(_ layer: KerasLayer, _ values: [KerasValue]) throws(ModelFormatError) -> [KerasValue] {
        let options = options(layer)
        callCount += 1
        guard callCount <= limits.maximumEntries else {
            throw options.failure(.tooLarge, "more than \(limits.maximumEntries) calls of layers")
        }
        if !KerasLayerTable.integerReaders.contains(layer.className),
            values.contains(where: { $0.integerType != nil })
        {
            throw options.failure(.unsupported, "takes integers ('int32', 'int64'), which only Embedding can")
        }
        if flags.contains("mask"), values.first?.mask == nil {
            throw options.failure(.unsupported, "is called with a mask that does not come from its input's layers")
        }
        if !KerasLayerTable.keywordTakers.contains(layer.className),
            let keyword = (Array(keywords.keys) + Array(flags.subtracting(["mask"]))).min()
        {
            throw options.failure(.unsupported, "is called with the argument '\(keyword)', which is not supported")
        }
        if let translator = KerasLayerTable.several[layer.className] { return try translator(&self, layer, values) }
        guard let translator = KerasLayerTable.translators[layer.className] else {
            throw options.failure(.unsupported, "not supported; supported are \(KerasLayerTable.names)")
        }
        return [try translator(&self, layer, values)]
    }

    /// A model as a layer: its layers, in this model's graph.
    mutating func nestedModel(_ layer: KerasLayer, _ inputs: [KerasValue]) throws(ModelFormatError) -> [KerasValue] {
        let config = try KerasModelConfig(nestedIn: layer, file: file, limits: limits)
        let translation = try KerasTranslation(
            config, weights: weights, file: file, majorVersion: majorVersion, limits: limits)
        return try translation.apply(to: inputs, of: layer, &self)
    }

    /// The only input of a layer that takes one.
    func one(_ values: [KerasValue], _ layer: KerasLayer) throws(ModelFormatError) -> KerasValue {
        guard values.count == 1, let value = values.first else {
            throw options(layer).failure(.malformed, "found \(values.count) inputs, expected one")
        }
        return value
    }
}
