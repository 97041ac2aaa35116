public import Logging
import ModelFormats
import Synchronization
public import TensorEngine

/// The versions that exist and those that are loaded here.
///
/// Resolving takes a lock for a dictionary look-up; a batch then holds the ``LoadedModel`` itself, so that nothing
/// done here afterwards pulls it from under the batch.
public final class Registry: Sendable {
    private struct State {
        var catalog = VersionCatalog() { didSet { recent = nil } }
        var loaded: [ModelVersion.Identity: LoadedModel] = [:] { didSet { recent = nil } }
        /// What was asked for last: neighbouring requests mostly ask for the same.
        var recent: (reference: ModelReference, model: LoadedModel)?
    }

    private let store: any ArtifactStore
    private let options: CompilationOptions
    private let logger: Logger
    private let state = Mutex(State())

    public init(store: any ArtifactStore, options: CompilationOptions = .init(), logger: Logger) {
        self.store = store
        self.options = options
        self.logger = logger
    }

    /// The versions that can be named; those not loaded yet can be loaded.
    public var catalog: VersionCatalog {
        get { state.withLock { $0.catalog } }
        set { state.withLock { $0.catalog = newValue } }
    }

    /// The loaded versions, by name and number.
    public var loaded: [ModelVersion.Identity] {
        state.withLock { Array($0.loaded.keys) }.sorted()
    }

    /// The loaded model that answers a reference.
    /// - Throws: as ``VersionCatalog/version(for:)``, and ``RegistryError/notLoaded(_:)``.
    public func resolve(_ reference: ModelReference) throws(RegistryError) -> LoadedModel {
        let found: Result<LoadedModel, RegistryError> = state.withLock { state in
            if let recent = state.recent, recent.reference == reference { return .success(recent.model) }
            do throws(RegistryError) {
                let version = try state.catalog.version(for: reference)
                guard let model = state.loaded[version.identity] else { return .failure(.notLoaded(reference)) }
                state.recent = (reference, model)
                return .success(model)
            } catch let error {
                return .failure(error)
            }
        }
        return try found.get()
    }

    /// Reads a version from the store, compiles it and warms it up for batches up to `warmUpRows` rows.
    /// - Throws: when the store has no such bundle or a damaged one, or when the engine cannot run its graph.
    public func load(_ version: ModelVersion, warmUpRows: Int, on pool: ComputePool) async throws {
        let started = ContinuousClock.now
        let (store, options) = (store, options)
        let model = try await pool.run { context in
            let model = try LoadedModel(
                version: version, bundle: store.bundle(digest: version.digest), options: options)
            try model.warmUp(maximumRows: warmUpRows, on: context)
            return model
        }
        state.withLock { state in
            state.catalog.insert(version)
            state.loaded[version.identity] = model
        }
        logger.info(
            "model loaded",
            metadata: [
                "model": "\(version.identity.name)", "version": "\(version.identity.number)",
                "digest": "\(version.digest)", "engine": "\(model.graph.engineIdentity)",
                "duration": "\(ContinuousClock.now - started)",
            ])
    }
}
