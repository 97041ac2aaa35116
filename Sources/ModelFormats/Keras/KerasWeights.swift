import TensorEngine

/// The weights of a Keras HDF5 file, read one by one under the name the layer's code gives them.
struct KerasWeights {
    private let file: any KerasContainer
    /// Paths below `model_weights/<layer>`, by layer.
    private let paths: [String: [String]]

    private static let group: Substring = "model_weights"

    init(_ file: any KerasContainer) throws(ModelFormatError) {
        self.file = file
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
        self.paths = paths
    }

    /// A weight by the last part of its name, as "kernel" of "dense/kernel:0", converted to float32.
    /// - Parameters:
    ///   - names: what Keras's versions have called it, the first for messages.
    ///   - shape: the shape the layer's configuration demands.
    func weight(
        _ names: String..., of layer: KerasLayer, shape: [Int]
    ) throws(ModelFormatError) -> Tensor {
        let title = names.first ?? ""
        let place = "\(layer.label): weight '\(title)'"
        let candidates = paths[layer.name] ?? []
        let matching = candidates.filter { path in
            let last = path.split(separator: "/").last ?? ""
            let stem = last.hasSuffix(":0") ? last.dropLast(2) : last
            return names.contains(String(stem))
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
            [Self.group] + Self.components(layer.name) + Self.components(path), expected: shape, at: place)
    }

    /// HDF5 takes a slash in a name for a path, so Keras's layer names with slashes are nested groups.
    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/", omittingEmptySubsequences: true)
    }
}
