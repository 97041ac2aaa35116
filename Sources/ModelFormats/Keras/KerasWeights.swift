import TensorEngine

/// The weights of a Keras model, read one by one. HDF5 models name them, and are asked for the names that the layer's code
/// gives them; archives (`.keras`) number them in the order in which the layer made them; a new model makes them.
struct KerasWeights {
    private enum Origin {
        /// Paths below `model_weights/<layer>`, by layer.
        case named(any KerasContainer, paths: [String: [String]])
        case numbered(any KerasContainer)
        case made(any KerasWeightSource)
    }

    private let origin: Origin

    private static let group: Substring = "model_weights"

    /// The weights of an HDF5 model.
    init(_ file: any KerasContainer) throws(ModelFormatError) {
        guard let layers = try file.textList("layer_names", of: [Self.group], at: "group 'model_weights'") else {
            throw ModelFormatError(
                .missing, file: file.path, at: "group 'model_weights'", "the attribute 'layer_names' is missing")
        }
        var paths: [String: [String]] = [:]
        var total = 0
        for layer in layers {
            let names =
                try file.textList(
                    "weight_names", of: [Self.group] + Self.components(layer), at: "weights of layer '\(layer)'") ?? []
            total += names.count
            guard total <= file.limits.maximumEntries else {
                throw ModelFormatError(
                    .tooLarge, file: file.path, at: "group 'model_weights'",
                    "more than \(file.limits.maximumEntries) weights")
            }
            paths[layer] = names
        }
        origin = .named(file, paths: paths)
    }

    /// The weights of an archive's `model.weights.h5`.
    init(archived file: any KerasContainer) {
        origin = .numbered(file)
    }

    /// The weights of a model to train.
    init(_ source: any KerasWeightSource) {
        origin = .made(source)
    }

    /// Whether the model is a new one, which is translated to be trained.
    var areMade: Bool {
        if case .made = origin { true } else { false }
    }

    /// Tells who makes the weights in which initializer the last ones are.
    func stored(in initializer: String) {
        if case .made(let source) = origin { source.stored(in: initializer) }
    }

    /// A weight by the last part of its name, as "kernel" of "dense/kernel:0", converted to float32.
    /// - Parameters:
    ///   - names: what Keras's versions have called it, the first for messages.
    ///   - index: its number in an archive.
    ///   - scope: the layer's own, or that of a part of it.
    ///   - shape: the shape the layer's configuration demands.
    func weight(
        _ names: String..., of layer: KerasLayer, index: Int, scope: KerasScope? = nil, shape: [Int]
    ) throws(ModelFormatError) -> Tensor {
        let title = names.first ?? ""
        let place = "\(layer.label): weight '\(title)'"
        let scope = scope ?? layer.scope
        let file: any KerasContainer
        let paths: [String: [String]]
        switch origin {
        case .named(let container, let known): (file, paths) = (container, known)
        case .numbered(let container):
            let path = (scope.path + ["vars", String(index)]).map { Substring($0) }
            return try container.float32(path, expected: shape, at: place)
        case .made(let source):
            return try source.weight(title, className: layer.className, config: layer.config, shape: shape)
        }
        let group = scope.group ?? layer.name
        let candidates = paths[group] ?? []
        var matching = candidates.filter { path in
            let last = path.split(separator: "/").last ?? ""
            let stem = last.hasSuffix(":0") ? last.dropLast(2) : last
            return names.contains(String(stem))
        }
        // Layers of a nested model share a group; which names a path has differs between Keras's versions.
        for name in scope.names.reversed() where matching.count > 1 {
            let narrowed = matching.filter { "/\($0)/".contains("/\(name)/") }
            if !narrowed.isEmpty { matching = narrowed }
        }
        guard let path = matching.first else {
            let found = candidates.isEmpty ? "no weights" : candidates.map { "'\($0)'" }.joined(separator: ", ")
            throw ModelFormatError(.missing, file: file.path, at: place, "the file has \(found) for this layer")
        }
        guard matching.count == 1 else {
            throw ModelFormatError(
                .malformed, file: file.path, at: place, "found \(matching.count) weights of this name, expected one")
        }
        return try file.float32(
            [Self.group] + Self.components(group) + Self.components(path), expected: shape, at: place)
    }

    /// HDF5 takes a slash in a name for a path, so Keras's layer names with slashes are nested groups.
    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/", omittingEmptySubsequences: true)
    }
}
