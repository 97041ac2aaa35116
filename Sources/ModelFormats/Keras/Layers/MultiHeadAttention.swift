import JSONDocuments
import TensorEngine

extension KerasGraphBuilder {
    /// MultiHeadAttention over one axis of steps: query, value and, unless it is the value, key.
    mutating func multiHeadAttention(
        _ layer: KerasLayer, _ inputs: [KerasValue]
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var (query, value, key): (KerasValue?, KerasValue?, KerasValue?) = (
            inputs.first, inputs.dropFirst().first, inputs.dropFirst(2).first
        )
        query = query ?? keywords["query"]?.first
        value = value ?? keywords["value"]?.first
        key = key ?? keywords["key"]?.first ?? value
        guard let query, let value, let key, inputs.count <= 3 else {
            throw options.failure(.malformed, "found \(inputs.count) inputs, expected a query, a value and maybe a key")
        }
        for input in [query, value, key] where input.rank != 3 || input.dimensions[2] == nil {
            throw options.failure(
                .unsupported, "an input of shape \(input.shapeText); supported is [batch, steps, features]")
        }
        if let axes = try options.cursor("attention_axes") {
            let list = try options.read { () throws(JSONError) -> [Int] in
                guard case .array = axes.value else { return [try axes.integer()] }
                return try axes.elements().map { (element) throws(JSONError) in try element.integer() }
            }
            guard list == [1] else {
                throw options.failure(.unsupported, "attention_axes \(list); supported is the axis of the steps, [1]")
            }
        }
        let heads = try options.extent(try options.required("num_heads"))
        let width = try options.extent(try options.required("key_dim"))
        let valueWidth =
            try options.cursor("value_dim").map { (cursor) throws(ModelFormatError) in
                try options.extent(cursor)
            } ?? width
        guard heads <= KerasOptions.maximumExtent / max(width, valueWidth) else {
            throw options.failure(.tooLarge, "\(heads) heads of \(max(width, valueWidth)) features")
        }
        var features = query.dimensions[2] ?? 0
        if let cursor = try options.cursor("output_shape") {
            features = try options.extent(try only(cursor, options))
        }

        let q = try projection("query", query, heads, width, [0, 2, 1, 3], layer)
        let k = try projection("key", key, heads, width, [0, 2, 3, 1], layer)
        let v = try projection("value", value, heads, valueWidth, [0, 2, 1, 3], layer)
        let scale = try literal([1 / Float(width).squareRoot()], scalar: true, "scale", of: layer)
        var scores = emit("MatMul", [emit("Mul", [q, scale], for: layer), k], for: layer)
        if let mask = try attentionMask(query, value, key, layer) {
            // Where the mask is 0 all scores are alike, so that a row that is masked throughout is uniform, as Keras's is.
            let one = try literal([Float(1)], scalar: true, "one", of: layer)
            let large = try literal([Float(1e30)], scalar: true, "large", of: layer)
            let penalty = emit("Mul", [emit("Sub", [mask, one], for: layer), large], for: layer)
            scores = emit("Add", [emit("Mul", [scores, mask], for: layer), penalty], for: layer)
        }
        var shares = emit("Softmax", [scores], ["axis": .int(-1)], for: layer)
        if weights.areMade { shares = try dropout(shares, layer, rate: options.number("dropout") ?? 0) }
        let mixed = emit(
            "Transpose", [emit("MatMul", [shares, v], for: layer)], ["perm": .ints([0, 2, 1, 3])], for: layer)
        let joined = try reshape(mixed, [0, 0, heads * valueWidth], layer)
        let name = try affine(
            joined, "attention_output", "output_dense", [heads, valueWidth], [features], layer)
        return KerasValue(name: name, dimensions: [nil, query.dimensions[1], features], mask: query.mask)
    }

    private func only(_ cursor: JSONCursor, _ options: KerasOptions) throws(ModelFormatError) -> JSONCursor {
        guard case .array = cursor.value else { return cursor }
        let elements = try options.read { () throws(JSONError) -> [JSONCursor] in try cursor.elements() }
        guard elements.count == 1, let element = elements.first else {
            throw options.failure(.unsupported, "\(cursor.path): found \(elements.count) extents, supported is one")
        }
        return element
    }

    /// One of the three inputs for every head, [batch, heads, …] by `order` of [batch, steps, heads, features].
    private mutating func projection(
        _ part: String, _ input: KerasValue, _ heads: Int, _ width: Int, _ order: [Int], _ layer: KerasLayer
    ) throws(ModelFormatError) -> String {
        let features = input.dimensions[2] ?? 0
        let name = try affine(plain(input, for: layer), part, "\(part)_dense", [features], [heads, width], layer)
        let split = try reshape(name, [0, 0, heads, width], layer)
        return emit("Transpose", [split], ["perm": .ints(order)], for: layer)
    }

    /// `x · kernel + bias`, with the kernel of shape `inputs + outputs` as a matrix.
    private mutating func affine(
        _ x: String, _ part: String, _ attribute: String, _ inputs: [Int], _ outputs: [Int], _ layer: KerasLayer
    ) throws(ModelFormatError) -> String {
        let options = options(layer)
        let weights = weights
        let scope = layer.scope.part(part, attribute)
        let (rows, columns) = (inputs.reduce(1, *), outputs.reduce(1, *))
        let kernel = try constant("\(part)/kernel", of: layer) { () throws(ModelFormatError) -> Tensor in
            let kernel = try weights.weight("kernel", of: layer, index: 0, scope: scope, shape: inputs + outputs)
            return try options.tensor { () throws(TensorError) -> Tensor in
                try kernel.reshaped(to: Shape([rows, columns]))
            }
        }
        let product = emit("MatMul", [x, kernel], for: layer)
        guard try options.bool("use_bias", default: true) else { return product }
        let bias = try constant("\(part)/bias", of: layer) { () throws(ModelFormatError) -> Tensor in
            let bias = try weights.weight("bias", of: layer, index: 1, scope: scope, shape: outputs)
            return try options.tensor { () throws(TensorError) -> Tensor in try bias.reshaped(to: Shape([columns])) }
        }
        return emit("Add", [product, bias], for: layer)
    }

    /// 1 where a query may look at a key, broadcast to [batch, heads, queries, keys]; nil when everywhere.
    private mutating func attentionMask(
        _ query: KerasValue, _ value: KerasValue, _ key: KerasValue, _ layer: KerasLayer
    ) throws(ModelFormatError) -> String? {
        var parts: [String] = []
        if let mask = query.mask { parts.append(try reshape(mask, [0, 1, -1, 1], layer)) }
        if let mask = value.mask { parts.append(try reshape(mask, [0, 1, 1, -1], layer)) }
        if let mask = key.mask, mask != value.mask { parts.append(try reshape(mask, [0, 1, 1, -1], layer)) }
        if flags.contains("use_causal_mask") {
            let options = options(layer)
            guard let rows = query.dimensions[1], let columns = value.dimensions[1] else {
                throw options.failure(.unsupported, "a causal mask of steps whose number is not known")
            }
            guard rows <= 1 << 14, columns <= 1 << 14 else {
                throw options.failure(.tooLarge, "a causal mask of \(rows) × \(columns) steps")
            }
            parts.append(
                try constant("causal \(rows) \(columns)", of: layer) { () throws(ModelFormatError) -> Tensor in
                    try options.tensor { () throws(TensorError) -> Tensor in
                        try Tensor(
                            shape: Shape([rows, columns]),
                            elements: (0..<rows * columns).map { Float($0 % columns <= $0 / columns ? 1 : 0) })
                    }
                })
        }
        guard var result = parts.first else { return nil }
        for part in parts.dropFirst() { result = emit("Mul", [result, part], for: layer) }
        return result
    }
}
