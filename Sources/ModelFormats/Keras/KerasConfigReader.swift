import JSONDocuments

/// Reads the layers of one model's configuration.
struct KerasConfigReader {
    let file: String
    let place: String
    let limits: ModelFormatLimits
    /// Of the model whose layers are read.
    let scope: KerasScope

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
        var names = UniqueNames(taken: [])
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
                    calls: [KerasCall(positional: [])])
                layers.append(input)
                previous = KerasTensorReference(layer: input.name, call: 0, output: 0)
            }
            layers.append(
                KerasLayer(
                    position: index + 1, name: name, className: className, config: config,
                    calls: [KerasCall(positional: previous.map { [$0] } ?? [])],
                    scope: scope.layer(name, className, &names)))
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
        var names = UniqueNames(taken: [])
        var masks: Set<String> = []
        for element in elements {
            if let mask = try maskOperation(element) { masks.insert(mask) }
        }
        for (index, element) in elements.enumerated() {
            let (name, className, config) = try header(element)
            if masks.contains(name) { continue }
            var calls: [KerasCall] = className == "InputLayer" ? [KerasCall(positional: [])] : []
            let nodes = try readingJSON(of: file, at: place) { () throws(JSONError) -> [JSONCursor] in
                try element.member("inbound_nodes").elements()
            }
            for node in nodes { calls.append(try call(node, of: name, masks: masks)) }
            layers.append(
                KerasLayer(
                    position: index + 1, name: name, className: className, config: config, calls: calls,
                    scope: scope.layer(name, className, &names)))
        }
        return Self.renumbered(
            KerasModelConfig(name: name, layers: layers, inputs: try ends(inputs), outputs: try ends(outputs)))
    }

    /// Keras counts a nested model's calls from the one that made it, which the file does not list: from 1.
    private static func renumbered(_ config: KerasModelConfig) -> KerasModelConfig {
        var last: [String: Int] = [:]
        for reference in config.layers.flatMap(\.calls).flatMap(\.references) + config.outputs {
            last[reference.layer] = max(last[reference.layer] ?? 0, reference.call)
        }
        let shifted = Set(
            config.layers.filter {
                KerasLayerTable.models.contains($0.className) && last[$0.name] == $0.calls.count
            }.map(\.name))
        guard !shifted.isEmpty else { return config }
        func shift(_ reference: KerasTensorReference) -> KerasTensorReference {
            guard shifted.contains(reference.layer), reference.call > 0 else { return reference }
            return KerasTensorReference(layer: reference.layer, call: reference.call - 1, output: reference.output)
        }
        let layers = config.layers.map { layer in
            let calls = layer.calls.map { call in
                KerasCall(
                    positional: call.positional.map(shift),
                    keywords: call.keywords.map { ($0.name, $0.references.map(shift)) }, flags: call.flags)
            }
            return KerasLayer(
                position: layer.position, name: layer.name, className: layer.className, config: layer.config,
                calls: calls, scope: layer.scope)
        }
        return KerasModelConfig(
            name: config.name, layers: layers, inputs: config.inputs, outputs: config.outputs.map(shift))
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
    private func call(
        _ node: JSONCursor, of layer: String, masks: Set<String>
    ) throws(ModelFormatError) -> KerasCall {
        var call = KerasCall(positional: [])
        guard case .object = node.value else {
            try legacyCall(node, of: layer, into: &call)
            return call
        }
        let (arguments, keywords) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (JSONCursor, [(key: String, value: JSONCursor)]) in
            (try node.member("args"), try node.optionalMember("kwargs")?.members() ?? [])
        }
        call.positional = try references(arguments, of: layer)
        for keyword in keywords {
            if keyword.key == "mask", !Self.isNothing(keyword.value.value) {
                let sources = try references(keyword.value, of: layer)
                guard sources.allSatisfy({ masks.contains($0.layer) }) else {
                    throw ModelFormatError(
                        .unsupported, file: file, at: place,
                        "layer '\(layer)' is called with a mask of its own, which is not supported")
                }
                call.flags.insert("mask")
            } else if keyword.key == "inputs" || keyword.key == "sequences" {
                call.positional += try references(keyword.value, of: layer)
            } else {
                try take(keyword: keyword.key, keyword.value, of: layer, into: &call)
            }
        }
        return call
    }

    /// null, or a list of nothing but null.
    private static func isNothing(_ value: JSONValue) -> Bool {
        guard case .array(let elements) = value else { return value == .null }
        return elements.allSatisfy { $0 == .null }
    }

    /// What Keras computes masks with: it writes these operations into a model between its layers. They are left out,
    /// since the layers' masks follow from the layers.
    private static let maskOperations: Set<String> = [
        "Any", "All", "Concatenate", "ExpandDims", "LogicalAnd", "LogicalOr", "NotEqual", "OnesLike", "ZerosLike",
    ]

    /// The name of such an operation, nil for a layer.
    private func maskOperation(_ element: JSONCursor) throws(ModelFormatError) -> String? {
        let (module, className, name) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (String?, String, String) in
            let module = try element.optionalMember("module")
            guard let module, case .string = module.value else { return (nil, "", "") }
            return (
                try module.string(), try element.member("class_name").string(),
                try element.optionalMember("name")?.string() ?? ""
            )
        }
        guard let module, module.hasPrefix("keras.src.ops") || module.hasPrefix("keras.ops") else { return nil }
        guard Self.maskOperations.contains(className) else {
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "the operation '\(name)' (\(className)) between layers is not supported; build the model of layers")
        }
        return name
    }

    /// Keras 2's form, in which every tensor reference may end with the call's keywords.
    private func legacyCall(
        _ cursor: JSONCursor, of layer: String, into call: inout KerasCall
    ) throws(ModelFormatError) {
        let elements = try readingJSON(of: file, at: place) { () throws(JSONError) -> [JSONCursor] in
            try cursor.elements()
        }
        if case .string? = elements.first?.value {
            call.positional.append(try reference(elements, of: layer, cursor))
            guard elements.count == 4 else { return }
            let keywords = try readingJSON(of: file, at: place) {
                () throws(JSONError) -> [(key: String, value: JSONCursor)] in try elements[3].members()
            }
            for keyword in keywords { try take(keyword: keyword.key, keyword.value, of: layer, into: &call) }
            return
        }
        for element in elements { try legacyCall(element, of: layer, into: &call) }
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
        try readingJSON(of: file, at: place) { () throws(JSONError) -> KerasTensorReference in
            guard elements.count == 3 || elements.count == 4 else {
                throw cursor.failure("a tensor reference of \(elements.count) elements, expected 3 or 4")
            }
            return KerasTensorReference(
                layer: try elements[0].string(), call: try elements[1].integer(), output: try elements[2].integer())
        }
    }

    /// Tensors and switches that some layers take; of others only what changes nothing at inference.
    private func take(
        keyword: String, _ cursor: JSONCursor, of layer: String, into call: inout KerasCall
    ) throws(ModelFormatError) {
        switch (keyword, cursor.value) {
        case (_, .array(let elements)) where elements.allSatisfy({ $0 == .null }): return
        case (_, .null), ("training", .bool(false)), (_, .bool(false)): return
        case ("use_causal_mask", .bool(true)): call.flags.insert(keyword)
        case ("query", _), ("key", _), ("value", _), ("initial_state", _):
            call.keywords.append((keyword, try references(cursor, of: layer)))
        default:
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "layer '\(layer)' is called with the argument '\(keyword)', which is not supported")
        }
    }
}
