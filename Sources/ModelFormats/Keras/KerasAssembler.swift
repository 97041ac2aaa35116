package import JSONDocuments
package import TensorEngine

/// A tensor between the layers of a ``KerasAssembler``.
package struct KerasTensor {
    fileprivate let value: KerasValue

    /// In Keras's order: the batch first, channels last; nil for the batch and what else is not known.
    package var dimensions: [Int?] { value.dimensions }
    /// "[batch, 8, 8, 1]"
    package var shapeText: String { value.shapeText }
}

/// Puts a model together call by call, as ``KerasImporter`` does with a file: the layers, their options and what they
/// compute are Keras 3's. The weights come from a ``KerasWeightSource``.
///
/// The graph is one to train: Dropout layers are ONNX `Dropout` nodes (which the engine passes over at inference), and what
/// is no weight in Keras is no initializer of its own.
package struct KerasAssembler {
    private var builder: KerasGraphBuilder
    private let name: String
    private var inputs: [ValueInfo] = []
    private var layerCount = 0

    /// - Parameters:
    ///   - name: the graph's, and what errors call the file.
    ///   - reservedNames: the graph's inputs and outputs.
    package init(
        name: String, reservedNames: [String], weights: any KerasWeightSource, limits: ModelFormatLimits = .default
    ) {
        self.name = name
        builder = KerasGraphBuilder(
            file: name, weights: KerasWeights(weights), majorVersion: 3, limits: limits, reservedNames: reservedNames)
    }

    /// An input of the graph.
    /// - Parameters:
    ///   - extents: of a row, without the batch; nil when any extent will do.
    ///   - elementType: float32, or int32 or int64 for what only Embedding reads.
    /// - Throws: ``ModelFormatError`` when a row of it exceeds the limit of one tensor.
    package mutating func input(
        _ name: String, extents: [Int?], elementType: ElementType
    ) throws(ModelFormatError) -> KerasTensor {
        let dimensions: [Int?] = [nil] + extents
        inputs.append(
            ValueInfo(
                name: name, elementType: elementType, dimensions: KerasTranslation.dimensions(dimensions, name)))
        let value = KerasValue(
            name: name, dimensions: dimensions, integerType: elementType == .float32 ? nil : elementType)
        try builder.check(value, of: makeLayer("InputLayer", name, JSONCursor(.object([:]))))
        return KerasTensor(value: value)
    }

    /// Calls a layer.
    /// - Parameters:
    ///   - layer: its name, unique in the model.
    ///   - flags: switches of the call, as `use_causal_mask`.
    /// - Throws: ``ModelFormatError`` when the layer's options or its inputs' shapes do not fit.
    package mutating func apply(
        _ className: String, layer: String, config: JSONCursor, to tensors: [KerasTensor], flags: Set<String> = []
    ) throws(ModelFormatError) -> KerasTensor {
        let layer = makeLayer(className, layer, config)
        try KerasTranslation.checkSupport(layer, file: name)
        (builder.keywords, builder.flags) = ([:], flags)
        let results = try builder.translate(layer, tensors.map(\.value))
        guard let result = results.first else {
            throw builder.options(layer).failure(.malformed, "has no output")
        }
        try builder.check(result, of: layer)
        return KerasTensor(value: result)
    }

    /// Adds a table [count, features], a row for each position, to [batch, steps, features]
    /// (keras_hub's `PositionEmbedding`).
    /// - Parameter count: rows of the table, the most steps; nil for the tensor's own.
    package mutating func addPositions(
        layer: String, config: JSONCursor, count: Int?, to tensor: KerasTensor
    ) throws(ModelFormatError) -> KerasTensor {
        let layer = makeLayer("PositionEmbedding", layer, config)
        let options = builder.options(layer)
        var value = tensor.value
        guard value.rank == 3, value.integerType == nil, let features = value.dimensions[2] else {
            throw options.failure(
                .mismatch, "found an input of shape \(value.shapeText), expected [batch, steps, features]")
        }
        guard let steps = value.dimensions[1] else {
            throw options.failure(.unsupported, "the number of steps of its input \(value.shapeText) is not known")
        }
        let rows = count ?? steps
        guard steps <= rows else {
            throw options.failure(.mismatch, "found an input of \(steps) steps, expected at most \(rows)")
        }
        let weights = builder.weights
        var table = try builder.constant("embeddings", of: layer) { () throws(ModelFormatError) -> Tensor in
            try weights.weight("embeddings", of: layer, index: 0, shape: [rows, features])
        }
        if steps < rows {
            let bounds = [
                try builder.literal([Int64(0)], "starts", of: layer),
                try builder.literal([Int64(steps)], "ends", of: layer),
                try builder.literal([Int64(0)], "axes", of: layer),
            ]
            table = builder.emit("Slice", [table] + bounds, for: layer)
        }
        value.name = builder.emit("Add", [builder.plain(value, for: layer), table], for: layer)
        value.isChannelsFirst = false
        return KerasTensor(value: value)
    }

    /// The finished graph with `tensor` as its only output.
    package mutating func graph(output name: String, _ tensor: KerasTensor) -> Graph {
        let layer = makeLayer("Identity", name, JSONCursor(.object([:])))
        let value = tensor.value
        builder.bindOutputs([(builder.plain(value, for: layer), name)])
        let output = ValueInfo(
            name: name, elementType: value.integerType ?? .float32,
            dimensions: KerasTranslation.dimensions(value.dimensions, name))
        return Graph(
            name: self.name, inputs: inputs, outputs: [output], nodes: builder.nodes,
            initializers: builder.initializers)
    }

    private mutating func makeLayer(_ className: String, _ name: String, _ config: JSONCursor) -> KerasLayer {
        layerCount += 1
        var scope = KerasScope()
        scope.title = name
        return KerasLayer(
            position: layerCount, name: name, className: className, config: config, calls: [], scope: scope)
    }
}
