import JSONDocuments
import TensorEngine

/// A `.keras` file (Keras 3): a zip archive of `metadata.json`, `config.json` and `model.weights.h5`.
enum KerasArchive {
    static let configName = "config.json"
    private static let metadataName = "metadata.json"
    private static let weightsName = "model.weights.h5"

    static func load(
        _ path: String, limits: ModelFormatLimits
    ) throws(ModelFormatError) -> (graph: Graph, version: String) {
        let archive = try ZipArchive(opening: path)
        guard archive.entryCount <= limits.maximumEntries else {
            throw ModelFormatError(
                .tooLarge, file: path, "found \(archive.entryCount) entries, the limit is \(limits.maximumEntries)")
        }
        let metadata = try bytes(metadataName, of: archive, path, limits, maximum: limits.maximumJSONBytes)
        let version = try readingJSON(of: path, at: "entry '\(metadataName)'") { () throws(JSONError) -> String in
            try JSONCursor(try JSONValue(parsing: metadata)).member("keras_version").string()
        }
        let majorVersion = try KerasImporter.majorVersion(version, of: path, at: "entry '\(metadataName)'")
        let config = try bytes(configName, of: archive, path, limits, maximum: limits.maximumJSONBytes)
        guard let text = String(validating: config, as: UTF8.self) else {
            throw ModelFormatError(.malformed, file: path, at: "entry '\(configName)'", "the text is not UTF-8")
        }
        let model = try KerasModelConfig(parsing: text, place: "entry '\(configName)'", file: path, limits: limits)
        let weights = try bytes(weightsName, of: archive, path, limits, maximum: limits.maximumTotalBytes)
        let graph = try HDF5File.withImage(weights, path: path, limits: limits) {
            (file) throws(ModelFormatError) -> Graph in
            try KerasTranslation(
                model, weights: KerasWeights(archived: file), file: path, majorVersion: majorVersion, limits: limits
            ).graph()
        }
        return (graph, version)
    }

    /// The only entry of a name.
    private static func bytes(
        _ name: String, of archive: ZipArchive, _ path: String, _ limits: ModelFormatLimits, maximum: Int
    ) throws(ModelFormatError) -> [UInt8] {
        let place = "entry '\(name)'"
        var found: (index: Int, entry: ZipArchive.Entry)?
        for index in 0..<archive.entryCount {
            let entry = try archive.entry(index)
            guard entry.name == name else { continue }
            guard found == nil else {
                throw ModelFormatError(.malformed, file: path, at: place, "the name occurs twice")
            }
            found = (index, entry)
        }
        guard let found else {
            throw ModelFormatError(.missing, file: path, at: place, "not in the archive: not a Keras model")
        }
        let size = found.entry.size
        guard size <= maximum else {
            throw ModelFormatError(.tooLarge, file: path, at: place, "found \(size) bytes, the limit is \(maximum)")
        }
        guard limits.allows(uncompressed: size, from: found.entry.compressedSize) else {
            throw ModelFormatError(
                .tooLarge, file: path, at: place, "\(found.entry.compressedSize) bytes claim to unpack to \(size)")
        }
        let reader = try archive.reader(found.index, place)
        var failure: ModelFormatError?
        let result = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            raw.initializeMemory(as: UInt8.self, repeating: 0)
            count = size
            do throws(ModelFormatError) {
                try reader.fill(UnsafeMutableRawBufferPointer(rebasing: raw[..<size]))
                try reader.finish()
            } catch { failure = error }
        }
        if let failure { throw failure }
        return result
    }
}
