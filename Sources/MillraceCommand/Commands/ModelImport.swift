import FoundationEssentials
import ModelFormats
import ModelRegistry
import TensorEngine

/// Makes a model file a version of an artifact store.
enum ModelImport {
    static func run(file: String, name: String, metadata: [String: String], store path: String) throws -> ModelVersion {
        try ModelName.validate(name)
        let imported = try IsolatedModelFile.open(file)
        // Compiling now refuses what could not be served later.
        _ = try CompiledGraph(imported.graph)
        let store = try DirectoryArtifactStore(root: path)
        let now = Date.now.formatted(.iso8601)
        return try VersionIndex(root: path).append(name: name) { number in
            let manifest = Manifest(
                name: name, version: number, graph: imported.graph, source: imported.source,
                metadata: imported.metadata.merging(metadata) { _, given in given }, createdAt: now)
            return try store.put(ModelBundle(manifest: manifest, graph: imported.graph))
        }
    }

    /// The file's name without folder and ending, what is not permitted in a name replaced.
    static func defaultName(of file: String) -> String {
        let last = file.split(separator: "/").last.map(String.init) ?? file
        let stem = last.split(separator: ".").first.map(String.init) ?? last
        return String(stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") ? $0 : "-" })
    }
}
