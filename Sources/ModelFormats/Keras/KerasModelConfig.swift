import JSONDocuments

/// What a Keras file's `model_config` says: layers, and which tensors each of their calls takes.
///
/// A `Sequential` model is read as the functional one that it abbreviates.
struct KerasModelConfig {
    let name: String
    let layers: [KerasLayer]
    let inputs: [KerasTensorReference]
    let outputs: [KerasTensorReference]
}

/// One layer and its calls; a shared layer has several.
struct KerasLayer {
    /// From 1, in the file's order.
    let position: Int
    let name: String
    let className: String
    let config: JSONCursor
    /// The tensors that each call takes.
    let calls: [[KerasTensorReference]]

    /// How error messages name it.
    var label: String { "layer \(position) '\(name)' (\(className))" }
}

/// Keras's `keras_history`: an output of one call of a layer.
struct KerasTensorReference: Hashable {
    let layer: String
    let call: Int
    let output: Int
}

extension KerasModelConfig {
    /// - Parameter text: the `model_config` attribute.
    init(parsing text: String, file: String, limits: ModelFormatLimits) throws(ModelFormatError) {
        let place = "attribute 'model_config'"
        let jsonLimits = JSONLimits(
            maximumBytes: limits.maximumJSONBytes, maximumDepth: 64, maximumValues: limits.maximumEntries * 200)
        let root = try readingJSON(of: file, at: place) { () throws(JSONError) -> JSONCursor in
            JSONCursor(try JSONValue(parsing: text, limits: jsonLimits), path: "")
        }
        let className = try readingJSON(of: file, at: place) { () throws(JSONError) -> String in
            try root.member("class_name").string()
        }
        let reader = KerasConfigReader(file: file, place: place, limits: limits)
        switch className {
        case "Sequential": self = try reader.sequential(root)
        case "Functional", "Model": self = try reader.functional(root)
        default:
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "the model is a '\(className)'; supported are Sequential and Functional models")
        }
    }
}

private struct KerasConfigReader {
    let file: String
    let place: String
    let limits: ModelFormatLimits

    func sequential(_ root: JSONCursor) throws(ModelFormatError) -> KerasModelConfig {
        let (name, elements, buildShape) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (String, [JSONCursor], JSONCursor?) in
            let config = try root.member("config")
            // Before Keras 2.2.3 the configuration was the list of layers itself.
            if case .array = config.value { return ("sequential", try config.elements(), nil) }
            return (
                try config.optionalMember("name")?.string() ?? "sequential",
                try config.member("layers").elements(), try config.optionalMember("build_input_shape")
            )
        }
        try checkCount(elements.count)
        guard !elements.isEmpty else {
            throw ModelFormatError(.malformed, file: file, at: place, "the model has no layers")
        }
        var layers: [KerasLayer] = []
        var previous: KerasTensorReference?
        for (index, element) in elements.enumerated() {
            let (name, className, config) = try header(element)
            if previous == nil, className != "InputLayer" {
                // Older files give the first layer the model's input shape, built ones keep it beside the layers.
                let shape = try readingJSON(of: file, at: place) { () throws(JSONError) -> JSONCursor? in
                    try config.optionalMember("batch_input_shape") ?? buildShape
                }
                guard let shape else {
                    throw ModelFormatError(
                        .missing, file: file, at: place,
                        "the model has no input shape: it was saved before it was built")
                }
                let input = KerasLayer(
                    position: 0, name: "\(name)_input", className: "InputLayer",
                    config: JSONCursor(
                        .object(["batch_shape": shape.value, "dtype": .string("float32")]), path: config.path),
                    calls: [[]])
                layers.append(input)
                previous = KerasTensorReference(layer: input.name, call: 0, output: 0)
            }
            layers.append(
                KerasLayer(
                    position: index + 1, name: name, className: className, config: config,
                    calls: [previous.map { [$0] } ?? []]))
            previous = KerasTensorReference(layer: name, call: 0, output: 0)
        }
        guard let first = layers.first, let previous else {
            throw ModelFormatError(.malformed, file: file, at: place, "the model has no layers")
        }
        return KerasModelConfig(
            name: name, layers: layers,
            inputs: [KerasTensorReference(layer: first.name, call: 0, output: 0)], outputs: [previous])
    }

    func functional(_ root: JSONCursor) throws(ModelFormatError) -> KerasModelConfig {
        let (name, elements, inputs, outputs) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (String, [JSONCursor], JSONCursor, JSONCursor) in
            let config = try root.member("config")
            return (
                try config.optionalMember("name")?.string() ?? "model", try config.member("layers").elements(),
                try config.member("input_layers"), try config.member("output_layers")
            )
        }
        try checkCount(elements.count)
        var layers: [KerasLayer] = []
        for (index, element) in elements.enumerated() {
            let (name, className, config) = try header(element)
            var calls: [[KerasTensorReference]] = className == "InputLayer" ? [[]] : []
            let nodes = try readingJSON(of: file, at: place) { () throws(JSONError) -> [JSONCursor] in
                try element.member("inbound_nodes").elements()
            }
            for node in nodes { calls.append(try call(node, of: name)) }
            layers.append(
                KerasLayer(position: index + 1, name: name, className: className, config: config, calls: calls))
        }
        return KerasModelConfig(
            name: name, layers: layers, inputs: try ends(inputs), outputs: try ends(outputs))
    }

    /// The model's inputs or outputs: a nest of references, or a dictionary of them, which Keras orders by key.
    private func ends(_ cursor: JSONCursor) throws(ModelFormatError) -> [KerasTensorReference] {
        guard case .object = cursor.value else { return try references(cursor) }
        let members = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> [(key: String, value: JSONCursor)] in try cursor.members()
        }
        var result: [KerasTensorReference] = []
        for member in members { result += try references(member.value) }
        return result
    }

    private func checkCount(_ count: Int) throws(ModelFormatError) {
        guard count <= limits.maximumEntries else {
            throw ModelFormatError(
                .tooLarge, file: file, at: place, "found \(count) layers, the limit is \(limits.maximumEntries)")
        }
    }

    private func header(
        _ element: JSONCursor
    ) throws(ModelFormatError) -> (name: String, className: String, config: JSONCursor) {
        try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (name: String, className: String, config: JSONCursor) in
            let config = try element.member("config")
            let className = try element.member("class_name").string()
            // A nested Sequential of an old file has a list here; its name is then beside it, or nowhere.
            guard case .object = config.value else {
                return (try element.optionalMember("name")?.string() ?? "", className, config)
            }
            return (try config.member("name").string(), className, config)
        }
    }

    /// The tensors that one call takes. Keras 2: `[[layer, call, output, keywords], …]`; Keras 3:
    /// `{"args": …, "kwargs": …}` with tensors as `__keras_tensor__` objects, nested as they were passed.
    private func call(_ node: JSONCursor, of layer: String) throws(ModelFormatError) -> [KerasTensorReference] {
        guard case .object = node.value else { return try references(node, of: layer) }
        let (arguments, keywords) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (JSONCursor, [(key: String, value: JSONCursor)]) in
            (try node.member("args"), try node.optionalMember("kwargs")?.members() ?? [])
        }
        var result = try references(arguments, of: layer)
        for keyword in keywords {
            if keyword.key == "inputs" {
                result += try references(keyword.value, of: layer)
            } else {
                try check(keyword: keyword.key, keyword.value, of: layer)
            }
        }
        return result
    }

    /// All tensor references in a nest of arrays, in order.
    private func references(
        _ cursor: JSONCursor, of layer: String = "model"
    ) throws(ModelFormatError) -> [KerasTensorReference] {
        switch cursor.value {
        case .array(let values):
            let elements = try readingJSON(of: file, at: place) { () throws(JSONError) -> [JSONCursor] in
                try cursor.elements()
            }
            if case .string? = values.first { return [try reference(elements, of: layer, cursor)] }
            var result: [KerasTensorReference] = []
            for element in elements { result += try references(element, of: layer) }
            return result
        case .object:
            return try readingJSON(of: file, at: place) { () throws(JSONError) -> [KerasTensorReference] in
                guard try cursor.member("class_name").string() == "__keras_tensor__" else {
                    throw cursor.failure("layer '\(layer)' is called with something else than tensors")
                }
                let history = try cursor.member("config").member("keras_history").elements()
                guard history.count == 3 else {
                    throw cursor.failure("keras_history has \(history.count) elements, expected 3")
                }
                return [
                    KerasTensorReference(
                        layer: try history[0].string(), call: try history[1].integer(),
                        output: try history[2].integer())
                ]
            }
        default:
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "\(cursor.path): layer '\(layer)' is called with something else than tensors")
        }
    }

    private func reference(
        _ elements: [JSONCursor], of layer: String, _ cursor: JSONCursor
    ) throws(ModelFormatError) -> KerasTensorReference {
        let (result, keywords) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (KerasTensorReference, [(key: String, value: JSONCursor)]) in
            guard elements.count == 3 || elements.count == 4 else {
                throw cursor.failure("a tensor reference of \(elements.count) elements, expected 3 or 4")
            }
            let reference = KerasTensorReference(
                layer: try elements[0].string(), call: try elements[1].integer(), output: try elements[2].integer())
            return (reference, elements.count == 4 ? try elements[3].members() : [])
        }
        for keyword in keywords { try check(keyword: keyword.key, keyword.value, of: layer) }
        return result
    }

    /// Only keywords that change nothing at inference are accepted.
    private func check(keyword: String, _ cursor: JSONCursor, of layer: String) throws(ModelFormatError) {
        switch (keyword, cursor.value) {
        case (_, .null), ("training", .bool(false)): return
        default:
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "layer '\(layer)' is called with the argument '\(keyword)', which is not supported")
        }
    }
}
