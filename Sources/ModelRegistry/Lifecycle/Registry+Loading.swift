import Logging
import ModelFormats
import Synchronization
public import TensorEngine

extension Registry {
    /// Reads a version from the store, compiles it and warms it up for batches up to `warmUpRows` rows.
    /// - Throws: when the store has no such bundle or a damaged one, or when the engine cannot run its graph.
    public func load(_ version: ModelVersion, warmUpRows: Int, on pool: ComputePool) async throws {
        let started = ContinuousClock.now
        let model: LoadedModel
        do {
            model = try await prepared(version, warmUpRows: warmUpRows, on: pool)
        } catch {
            // On the log of the damaged copy, see ``ArtifactStore/load(digest:)``.
            guard store is KafkaArtifactStore else { throw error }
            model = try await prepared(version, warmUpRows: warmUpRows, on: pool)
        }
        change { state in
            if !state.isFollowing {
                var catalog = state.table.plan.catalog
                catalog.insert(version)
                _ = state.table.follow(ServingPlan(catalog), loads: false, now: .now)
            }
            return state.table.loaded(
                version.identity, model, bytes: model.memoryByteCount, releases: state.isFollowing)
        }
        eventQueue.yield(.loaded(version.identity))
        logger.info(
            "model loaded",
            metadata: [
                "model": "\(version.identity.name)", "version": "\(version.identity.number)",
                "digest": "\(version.digest)", "engine": "\(model.graph.engineIdentity)",
                "duration": "\(ContinuousClock.now - started)",
            ])
    }

    private func prepared(_ version: ModelVersion, warmUpRows: Int, on pool: ComputePool) async throws -> LoadedModel {
        try await store.prepare(digest: version.digest)
        let (store, options, eventQueue) = (store, options, eventQueue)
        return try await pool.run { [self] _ in
            let bundle = try store.load(digest: version.digest)
            try makeRoom(for: version.identity, bytes: bundle.graph.constantByteCount)
            let model = try LoadedModel(
                version: version, bundle: bundle, options: options,
                onRelease: { eventQueue.yield(.unloaded(version.identity)) })
            // A context of its own, so that the arena goes with the load.
            try model.warmUp(maximumRows: warmUpRows, on: ExecutionContext())
            return model
        }
    }

    /// Releases others while the budget is too small for all.
    /// - Parameter bytes: of the constants; packing them takes about as many again.
    private func makeRoom(for identity: ModelVersion.Identity, bytes: Int) throws {
        let budget = state.withLock { $0.table.budget }
        guard let budget else { return }
        guard bytes <= budget else { throw RegistryError.tooLarge(identity, bytes: bytes, budget: budget) }
        change { $0.table.reserve(2 * bytes, for: identity) }
    }

    /// A load that was asked for by the plan or by a request.
    func loadOrFail(_ version: ModelVersion, warmUpRows: Int, on pool: ComputePool) async {
        do {
            try await load(version, warmUpRows: warmUpRows, on: pool)
        } catch {
            let reason = "\(error)"
            logger.error(
                "model not loaded; what served before serves on",
                metadata: [
                    "model": "\(version.identity.name)", "version": "\(version.identity.number)",
                    "digest": "\(version.digest)", "error": "\(reason)",
                ])
            change { state in
                state.table.failed(version.identity, reason: reason, now: .now)
                return []
            }
            eventQueue.yield(.failed(version.identity, reason: reason))
        }
    }
}
