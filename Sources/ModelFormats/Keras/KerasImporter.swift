package import TensorEngine

/// Reads Keras models (versions 2 and 3) saved whole as HDF5 files: `model.save("model.h5")`. ``KerasArchive`` reads
/// the other kind.
///
/// The graph computes in float32. Its inputs are named after the model's input layers, its outputs after its output
/// layers, all with the batch first and data in Keras's order.
///
/// What this code reads from a file is checked. The HDF5 library itself has known faults on damaged files (version 1.10
/// can crash on a file whose internal tables were altered), so files from strangers belong into a process of their own:
/// the `millrace` command reads them in one, and a service loads bundles, which need no HDF5.
package enum KerasImporter {
    static func load(
        _ path: String, limits: ModelFormatLimits
    ) throws(ModelFormatError) -> (graph: Graph, version: String) {
        try HDF5File.withFile(path, limits: limits) {
            (file) throws(ModelFormatError) -> (graph: Graph, version: String) in
            try read(file)
        }
    }

    /// The model in a file that is open.
    package static func read(_ file: any KerasContainer) throws(ModelFormatError) -> (graph: Graph, version: String) {
        let path = file.path
        guard let text = try file.text("model_config", of: [], at: "") else {
            let hint =
                try file.textList("layer_names", of: [], at: "") == nil
                ? "not a Keras model" : "the file holds weights only; save the whole model"
            throw ModelFormatError(.missing, file: path, "the attribute 'model_config' is missing: \(hint)")
        }
        guard let version = try file.text("keras_version", of: [], at: "") else {
            throw ModelFormatError(.missing, file: path, "the attribute 'keras_version' is missing")
        }
        let majorVersion = try majorVersion(version, of: path, at: "attribute 'keras_version'")
        let config = try KerasModelConfig(parsing: text, file: path, limits: file.limits)
        let translation = try KerasTranslation(
            config, weights: try KerasWeights(file), file: path, majorVersion: majorVersion, limits: file.limits)
        return (try translation.graph(), version)
    }

    static func majorVersion(
        _ version: String, of path: String, at place: String
    ) throws(ModelFormatError) -> Int {
        guard let number = version.split(separator: ".").first.flatMap({ Int($0) }), (2...3).contains(number) else {
            throw ModelFormatError(
                .unsupported, file: path, at: place, "found '\(version)'; supported are the versions 2 and 3")
        }
        return number
    }
}
