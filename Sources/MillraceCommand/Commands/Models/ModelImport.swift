import FoundationEssentials
import ModelFormats
import ModelRegistry
import TensorEngine

/// Makes a model file a version.
enum ModelImport {
    private static let maximumAttempts = 50

    /// With the store's own index, where no registry topic is.
    static func run(
        _ imported: ImportedModel, name: String, metadata: [String: String], lineage: ImportedLineage = .none,
        store path: String
    ) throws -> ModelVersion {
        let store = try DirectoryArtifactStore(root: path)
        return try VersionIndex(root: path).append(name: name) { number in
            try store.put(bundle(imported, name: name, number: number, metadata: metadata, lineage: lineage))
        }
    }

    /// On the registry topic: first the bundle, then the event that makes it a version. Whoever is killed in between leaves
    /// a bundle that nothing refers to, never a version without one.
    static func run(
        _ imported: ImportedModel, name: String, metadata: [String: String], lineage: ImportedLineage = .none,
        alias: String?, session: RegistrySession, operatorName: String
    ) async throws -> ModelVersion {
        if let alias { try AliasName.validate(alias) }
        let artifacts = try session.artifacts()
        for conflict in try await session.adopt(as: operatorName) {
            Console.printError("millrace: \(conflict.explanation)")
        }
        // The bundle holds its number, and storing it takes long: it is made with the number that seems to be the next,
        // while others may write, and made again if it was not.
        var number = (try await session.state()).models[name]?.nextNumber ?? 1
        for _ in 0..<maximumAttempts {
            let bundle = bundle(imported, name: name, number: number, metadata: metadata, lineage: lineage)
            let digest = try await artifacts.put(bundle)
            let record = VersionRecord(
                .init(name: name, number: number), digest: digest, manifest: bundle.manifest)
            let next = try await session.write(as: operatorName) { state in
                let decision = try state.creation(record, alias: alias)
                return RegistryDecision(decision.changes, decision.outcome ? nil : state.models[name]?.nextNumber ?? 1)
            }
            guard let next else { return record.version }
            number = next
        }
        throw CommandFailure(.refused, "\(name): other imports were faster \(maximumAttempts) times; try again")
    }

    /// - Throws: what is wrong with the name or the file, or why the engine could not serve it.
    static func open(_ file: String, name: String) throws -> ImportedModel {
        try ModelName.validate(name)
        let imported = try IsolatedModelFile.open(file)
        // Compiling now refuses what could not be served later.
        _ = try CompiledGraph(imported.graph)
        return imported
    }

    private static func bundle(
        _ imported: ImportedModel, name: String, number: Int, metadata: [String: String], lineage: ImportedLineage
    ) -> ModelBundle {
        let manifest = Manifest(
            name: name, version: number, graph: imported.graph, source: imported.source,
            training: lineage.training, metrics: lineage.metrics,
            metadata: imported.metadata.merging(metadata) { _, given in given },
            createdAt: Date.now.formatted(.iso8601))
        return ModelBundle(manifest: manifest, graph: imported.graph)
    }

    /// The file's name without folder and ending, what is not permitted in a name replaced.
    static func defaultName(of file: String) -> String {
        let last = file.split(separator: "/").last.map(String.init) ?? file
        let stem = last.split(separator: ".").first.map(String.init) ?? last
        return String(stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") ? $0 : "-" })
    }
}
