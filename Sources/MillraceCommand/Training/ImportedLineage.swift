import FoundationEssentials
import JSONDocuments
import ModelFormats

/// What the manifest of an imported bundle says of the model's training: it stays with the model.
struct ImportedLineage {
    var training: JSONValue?
    var metrics: [String: Double] = [:]

    static let none = ImportedLineage()

    /// Nothing for a model file that is no bundle.
    static func read(_ path: String) throws(ModelFormatError) -> ImportedLineage {
        guard FileManager.default.fileExists(atPath: "\(path)/manifest.json") else { return .none }
        let manifest = try ModelBundle.load(at: path, verify: false).manifest
        return ImportedLineage(training: manifest.training, metrics: manifest.metrics)
    }
}
