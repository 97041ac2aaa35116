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
    let calls: [KerasCall]
    var scope = KerasScope()

    /// How error messages name it.
    var label: String { "\(scope.place)layer \(position) '\(name)' (\(className))" }
    /// What the names of its nodes and constants begin with.
    var title: String { scope.title.isEmpty ? name : scope.title }
}

/// What one call of a layer takes.
struct KerasCall {
    var positional: [KerasTensorReference]
    var keywords: [(name: String, references: [KerasTensorReference])] = []
    /// Keywords that are true.
    var flags: Set<String> = []

    var references: [KerasTensorReference] { positional + keywords.flatMap(\.references) }
}

/// Keras's `keras_history`: an output of one call of a layer.
struct KerasTensorReference: Hashable {
    let layer: String
    let call: Int
    let output: Int
}

extension KerasModelConfig {
    /// - Parameter text: the `model_config` attribute, or the entry `config.json` of an archive.
    init(
        parsing text: String, place: String = "attribute 'model_config'", file: String, limits: ModelFormatLimits
    ) throws(ModelFormatError) {
        let jsonLimits = JSONLimits(
            maximumBytes: limits.maximumJSONBytes, maximumDepth: 64, maximumValues: limits.maximumEntries * 200)
        let root = try readingJSON(of: file, at: place) { () throws(JSONError) -> JSONCursor in
            JSONCursor(try JSONValue(parsing: text, limits: jsonLimits), path: "")
        }
        let className = try readingJSON(of: file, at: place) { () throws(JSONError) -> String in
            try root.member("class_name").string()
        }
        self = try KerasModelConfig(
            root, className: className,
            KerasConfigReader(file: file, place: place, limits: limits, scope: KerasScope()))
    }

    /// A model that is a layer of another.
    init(nestedIn layer: KerasLayer, file: String, limits: ModelFormatLimits) throws(ModelFormatError) {
        let root = JSONCursor(.object(["config": layer.config.value]), path: layer.config.path)
        var scope = layer.scope
        scope.place = "\(layer.label): "
        scope.title = layer.title
        self = try KerasModelConfig(
            root, className: layer.className,
            KerasConfigReader(file: file, place: layer.label, limits: limits, scope: scope))
    }

    private init(
        _ root: JSONCursor, className: String, _ reader: KerasConfigReader
    ) throws(ModelFormatError) {
        let (file, place) = (reader.file, reader.place)
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
