import Glibc

/// What a garbage collection did.
public struct ArtifactCollection: Sendable, Hashable {
    /// Digests of the bundles that were removed.
    public var removed: [String] = []
    /// Digests of bundles that nothing refers to but that are too young to go.
    public var spared: [String] = []
    /// Things removed that killed writers had left.
    public var leftovers = 0
}

extension ArtifactStore {
    /// Removes the bundles that nothing refers to, and what killed imports left.
    ///
    /// A bundle is stored before the version that refers to it is announced, so one without a reference may be about to get
    /// it: only those go that were put longer than `grace` ago. Read `digests` after nothing and before this call: a
    /// version announced in between is younger than any sensible grace.
    ///
    /// - Parameters:
    ///   - digests: of every version that may still be wanted; retired ones too, if they are to be replayed.
    ///   - isDryRun: says what would be removed, and removes nothing.
    public func collect(
        keeping digests: Set<String>, grace: Duration = .seconds(3600), isDryRun: Bool = false
    ) async throws -> ArtifactCollection {
        var collection = ArtifactCollection()
        let oldest = ArtifactClock.milliseconds() - grace.components.seconds * 1000
        for entry in try await entries().sorted(by: { $0.digest < $1.digest }) where !digests.contains(entry.digest) {
            guard entry.storedAt <= oldest else {
                collection.spared.append(entry.digest)
                continue
            }
            if !isDryRun { try await remove(digest: entry.digest) }
            collection.removed.append(entry.digest)
        }
        if !isDryRun { collection.leftovers = try await removeLeftovers(olderThan: grace) }
        return collection
    }
}

enum ArtifactClock {
    /// Milliseconds since 1970-01-01 UTC.
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return milliseconds(time)
    }

    static func milliseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
