import JSONDocuments
import TensorEngine

extension KerasGraphBuilder {
    /// LayerNormalization over the last axes.
    mutating func layerNormalization(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        if try options.bool("rms_scaling", default: false) {
            throw options.failure(.unsupported, "the option 'rms_scaling' is not supported")
        }
        let axes = try self.axes(layer, rank: input.rank) ?? [input.rank - 1]
        let first = input.rank - axes.count
        guard axes == Array(first..<input.rank), first >= 1 else {
            throw options.failure(.unsupported, "the axes \(axes) of \(input.shapeText); supported are the last ones")
        }
        let extents = input.dimensions[first...].compactMap { $0 }
        guard extents.count == axes.count else {
            throw options.failure(.mismatch, "a normalized extent of its input \(input.shapeText) is not known")
        }
        let x = plain(input, for: layer)
        var result = input
        result.isChannelsFirst = false
        let scaled = try options.bool("scale", default: true)
        let centered = try options.bool("center", default: true)
        let weights = weights
        let (gamma, beta) = (
            scaled
                ? try constant("gamma", of: layer) { () throws(ModelFormatError) -> Tensor in
                    try weights.weight("gamma", of: layer, index: 0, shape: extents)
                } : nil,
            centered
                ? try constant("beta", of: layer) { () throws(ModelFormatError) -> Tensor in
                    try weights.weight("beta", of: layer, index: scaled ? 1 : 0, shape: extents)
                } : nil
        )
        let rows = try reshape(x, [-1, 1, extents.reduce(1, *)], layer)
        let normal = try normalized(rows, layer)
        result.name = emit("Reshape", [normal, emit("Shape", [x], for: layer)], for: layer)
        if let gamma { result.name = emit("Mul", [result.name, gamma], for: layer) }
        if let beta { result.name = emit("Add", [result.name, beta], for: layer) }
        return result
    }

    /// GroupNormalization: channels in groups, each group normalized over its channels and all other axes.
    mutating func groupNormalization(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let axis = try options.axis("axis", rank: input.rank, default: -1)
        guard axis == input.rank - 1 || axis == 1 else {
            throw options.failure(
                .unsupported, "axis \(axis) of \(input.shapeText); supported are the first and the last")
        }
        guard let channels = input.dimensions[axis] else {
            throw options.failure(.mismatch, "the extent of axis \(axis) of its input \(input.shapeText) is not known")
        }
        var groups = 32
        if let cursor = try options.cursor("groups") { groups = try options.integer(cursor) }
        if groups == -1 { groups = channels }
        guard groups > 0, channels % groups == 0 else {
            throw options.failure(.mismatch, "\(groups) groups do not divide \(channels) channels")
        }
        let isLast = axis == input.rank - 1
        let x = isLast ? channelsFirst(input, for: layer) : plain(input, for: layer)
        let grouped = try reshape(x, [0, groups, -1], layer)
        var name = emit("Reshape", [try normalized(grouped, layer), emit("Shape", [x], for: layer)], for: layer)
        let weights = weights
        let scaled = try options.bool("scale", default: true)
        for (title, index, operatorType) in [("gamma", 0, "Mul"), ("beta", scaled ? 1 : 0, "Add")] {
            guard try options.bool(title == "gamma" ? "scale" : "center", default: true) else { continue }
            let ones = [Int](repeating: 1, count: input.rank - 2)
            let constant = try constant(title, of: layer) { () throws(ModelFormatError) -> Tensor in
                let weight = try weights.weight(title, of: layer, index: index, shape: [channels])
                return try options.tensor { () throws(TensorError) -> Tensor in
                    try weight.reshaped(to: Shape([channels] + ones))
                }
            }
            name = emit(operatorType, [name, constant], for: layer)
        }
        var result = input
        result.name = name
        result.isChannelsFirst = isLast && input.rank > 2
        return result
    }

    /// `(x - mean) / sqrt(variance + epsilon)` along the last of three axes.
    private mutating func normalized(_ rows: String, _ layer: KerasLayer) throws(ModelFormatError) -> String {
        let epsilon = Float(try options(layer).number("epsilon") ?? 1e-3)
        let centered = emit("Sub", [rows, emit("GlobalAveragePool", [rows], for: layer)], for: layer)
        let variance = emit("GlobalAveragePool", [emit("Mul", [centered, centered], for: layer)], for: layer)
        let raised = emit("Add", [variance, try literal([epsilon], scalar: true, "epsilon", of: layer)], for: layer)
        return emit("Div", [centered, emit("Sqrt", [raised], for: layer)], for: layer)
    }

    /// The option `axis`, one or several, counted from the front and sorted; nil for null.
    private func axes(_ layer: KerasLayer, rank: Int) throws(ModelFormatError) -> [Int]? {
        let options = options(layer)
        guard let cursor = try options.cursor("axis") else { return nil }
        var elements = [cursor]
        if case .array = cursor.value {
            elements = try options.read { () throws(JSONError) -> [JSONCursor] in try cursor.elements() }
        }
        var axes: Set<Int> = []
        for element in elements {
            let axis = try options.integer(element)
            let normalized = axis < 0 ? axis + rank : axis
            guard (1..<max(rank, 1)).contains(normalized) else {
                throw options.failure(.malformed, "axis \(axis) is not one of the \(rank - 1) axes after the batch")
            }
            axes.insert(normalized)
        }
        return axes.sorted()
    }

    /// Normalization, the preprocessing layer: `(x - mean) / sqrt(variance)`, or back with `invert`.
    mutating func standardization(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let axes = try self.axes(layer, rank: input.rank) ?? []
        var broadcast = [Int](repeating: 1, count: input.rank)
        for axis in axes {
            guard let extent = input.dimensions[axis] else {
                throw options.failure(
                    .mismatch, "the extent of axis \(axis) of its input \(input.shapeText) is not known")
            }
            broadcast[axis] = extent
        }
        let mean = try statistic("mean", 0, axes.map { broadcast[$0] }, broadcast, layer) { $0 }
        // Keras's epsilon.
        let deviation = try statistic("variance", 1, axes.map { broadcast[$0] }, broadcast, layer) {
            max($0.squareRoot(), 1e-7)
        }
        var result = input
        result.isChannelsFirst = false
        let x = plain(input, for: layer)
        if try options.bool("invert", default: false) {
            result.name = emit("Add", [emit("Mul", [x, deviation], for: layer), mean], for: layer)
        } else {
            result.name = emit("Div", [emit("Sub", [x, mean], for: layer), deviation], for: layer)
        }
        return result
    }

    /// A weight, or numbers in the configuration, one for each of `shape` or one for all.
    private mutating func statistic(
        _ title: String, _ index: Int, _ shape: [Int], _ broadcast: [Int], _ layer: KerasLayer,
        _ map: (Float) -> Float
    ) throws(ModelFormatError) -> String {
        let options = options(layer)
        let weights = weights
        let given = try options.cursor(title).map { (cursor) throws(ModelFormatError) in
            try numbers(cursor, options, limit: broadcast.reduce(1, *))
        }
        return try constant("\(title) \(broadcast)", of: layer) { () throws(ModelFormatError) -> Tensor in
            var values: [Float]
            if let given {
                values = given
            } else {
                values = try weights.weight(title, of: layer, index: index, shape: shape)
                    .withElements(Float.self) { Array($0) }
            }
            let count = broadcast.reduce(1, *)
            if values.count == 1 { values = [Float](repeating: values[0], count: count) }
            return try options.tensor { () throws(TensorError) -> Tensor in
                try Tensor(shape: Shape(broadcast), elements: values.map(map))
            }
        }
    }

    /// All numbers of a nest of lists, in order.
    private func numbers(
        _ cursor: JSONCursor, _ options: KerasOptions, limit: Int
    ) throws(ModelFormatError) -> [Float] {
        guard case .array = cursor.value else {
            return [Float(try options.read { () throws(JSONError) -> Double in try cursor.number() })]
        }
        var result: [Float] = []
        for element in try options.read({ () throws(JSONError) -> [JSONCursor] in try cursor.elements() }) {
            result += try numbers(element, options, limit: limit)
            guard result.count <= limit else {
                throw options.failure(.mismatch, "\(cursor.path): more than \(limit) numbers")
            }
        }
        return result
    }

    /// Rescaling: `x * scale + offset`, each one number or one for each channel.
    mutating func rescaling(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var result = input
        result.name = plain(input, for: layer)
        result.isChannelsFirst = false
        for (key, operatorType) in [("scale", "Mul"), ("offset", "Add")] {
            guard let cursor = try options.cursor(key) else { continue }
            let width = input.dimensions[input.rank - 1] ?? 1
            let values = try numbers(cursor, options, limit: max(width, 1))
            guard values.count == 1 || values.count == width else {
                throw options.failure(
                    .mismatch, "\(cursor.path): found \(values.count) numbers, expected 1 or \(width)")
            }
            result.name = emit(
                operatorType, [result.name, try literal(values, scalar: values.count == 1, key, of: layer)], for: layer)
        }
        return result
    }

    /// PReLU: x above 0, `alpha` · x below, with a slope for every element or shared along axes.
    mutating func parametricRelu(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var shape = Array(input.dimensions.dropFirst())
        if let cursor = try options.cursor("shared_axes") {
            let elements = try options.read { () throws(JSONError) -> [JSONCursor] in try cursor.elements() }
            for element in elements {
                let axis = try options.extent(element)
                guard axis < input.rank else {
                    throw options.failure(
                        .malformed, "\(element.path): found \(axis), expected at most \(input.rank - 1)")
                }
                shape[axis - 1] = 1
            }
        }
        let extents = shape.compactMap { $0 }
        guard extents.count == shape.count else {
            throw options.failure(.mismatch, "an extent of its input \(input.shapeText) is not known")
        }
        let weights = weights
        let alpha = try constant("alpha", of: layer) { () throws(ModelFormatError) -> Tensor in
            try weights.weight("alpha", of: layer, index: 0, shape: extents)
        }
        let x = plain(input, for: layer)
        let below = emit("Relu", [emit("Neg", [x], for: layer)], for: layer)
        var result = input
        result.isChannelsFirst = false
        result.name = emit(
            "Sub", [emit("Relu", [x], for: layer), emit("Mul", [below, alpha], for: layer)], for: layer)
        return result
    }
}
