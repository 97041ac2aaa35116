// Versions that were imported before there was a registry topic, or without one.
extension RegistryState {
    /// Versions that a store has under a number that means something else here.
    public struct AdoptionConflict: Sendable, Hashable {
        public var identity: ModelVersion.Identity
        public var storeDigest: String
        public var registryDigest: String
    }

    /// What became of a store's versions.
    public struct Adoption: Sendable, Hashable {
        public var adopted: [ModelVersion.Identity]
        public var conflicts: [AdoptionConflict]
    }

    /// Those of a store's versions that the registry does not have and can take under their own number: all above a
    /// model's highest. Taking them twice changes nothing.
    public func adoption(
        of records: some Sequence<VersionRecord>
    ) -> RegistryDecision<Adoption> {
        var changes: [RegistryEvent.Change] = []
        var adopted: [ModelVersion.Identity] = []
        var conflicts: [AdoptionConflict] = []
        for record in records.sorted(by: { $0.identity < $1.identity }) {
            let model = models[record.identity.name]
            if let known = model?.versions[record.identity.number] {
                guard known.record.digest != record.digest else { continue }
                conflicts.append(
                    .init(
                        identity: record.identity, storeDigest: record.digest, registryDigest: known.record.digest))
            } else if record.identity.number >= model?.nextNumber ?? 1 {
                changes.append(.versionCreated(record))
                adopted.append(record.identity)
            }
        }
        return RegistryDecision(changes, Adoption(adopted: adopted, conflicts: conflicts))
    }
}
