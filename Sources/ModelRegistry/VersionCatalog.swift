import JSONDocuments

/// The versions that exist, and which of them a reference means.
///
/// A number means that version, an alias what it was set to. `latest` is the highest number that is not retired, and
/// `champion`, what an unqualified reference means, is the same until it has been set.
public struct VersionCatalog: Sendable {
    /// A version and what made a reference mean it.
    public struct Resolution: Sendable, Hashable {
        public var version: ModelVersion
        /// The registry topic's offset of the event that did: the alias's, or else the version's creation. Nil without a
        /// registry topic.
        public var activation: Int64?
    }

    private struct Entry {
        var version: ModelVersion
        var activation: Int64?
        var isRetired = false
    }

    private struct Model {
        var entries: [Int: Entry] = [:]
        var aliases: [String: (number: Int, activation: Int64)] = [:]

        var available: [Int] { entries.values.filter { !$0.isRetired }.map(\.version.identity.number).sorted() }
        var latest: Int? { entries.values.lazy.filter { !$0.isRetired }.map(\.version.identity.number).max() }
    }

    private var models: [String: Model] = [:]

    public init(_ versions: some Sequence<ModelVersion> = []) {
        for version in versions { insert(version) }
    }

    public init(_ state: RegistryState) {
        models = state.models.mapValues { model in
            Model(
                entries: model.versions.mapValues {
                    Entry(version: $0.record.version, activation: $0.createdOffset, isRetired: $0.isRetired)
                },
                aliases: model.aliases.mapValues { ($0.number, $0.set.offset) })
        }
        .filter { !$0.value.entries.isEmpty }
    }

    /// Adds a version that is not known yet.
    public mutating func insert(_ version: ModelVersion) {
        var model = models[version.identity.name] ?? Model()
        if model.entries[version.identity.number]?.version != version {
            model.entries[version.identity.number] = Entry(version: version)
        }
        models[version.identity.name] = model
    }

    /// Every version that is not retired, by name and number.
    public var all: [ModelVersion] {
        models.values.flatMap(\.entries.values).filter { !$0.isRetired }.map(\.version)
            .sorted { $0.identity < $1.identity }
    }

    /// - Throws: as ``resolve(_:includingRetired:)``.
    public func version(for reference: ModelReference) throws(RegistryError) -> ModelVersion {
        try resolve(reference).version
    }

    /// - Parameter includingRetired: whether a number may be that of a retired version, as for a replay of what it answered.
    /// - Throws: ``RegistryError/unknownModel(_:nearest:knownCount:)``, ``RegistryError/unknownVersion(_:available:)`` or
    ///   ``RegistryError/unknownAlias(_:nearest:available:)``.
    public func resolve(
        _ reference: ModelReference, includingRetired: Bool = false
    ) throws(RegistryError) -> Resolution {
        guard let model = models[reference.name] else {
            let nearest = NearestName.nearest(to: reference.name, among: models.keys)
            throw .unknownModel(reference.name, nearest: nearest, knownCount: models.count)
        }
        let alias: (number: Int, activation: Int64)?
        let number: Int?
        switch reference.version {
        case .number(let given): (alias, number) = (nil, given)
        case .alias(AliasName.latest): (alias, number) = (nil, model.latest)
        case .alias(let name):
            alias = model.aliases[name]
            number = alias?.number ?? (name == AliasName.champion ? model.latest : nil)
            guard alias != nil || name == AliasName.champion else {
                throw .unknownAlias(
                    reference, nearest: NearestName.nearest(to: name, among: Array(model.aliases.keys) + Self.fixed),
                    available: model.available)
            }
        }
        guard let number, let entry = model.entries[number], includingRetired || !entry.isRetired else {
            throw .unknownVersion(reference, available: model.available)
        }
        return Resolution(version: entry.version, activation: alias?.activation ?? entry.activation)
    }

    private static let fixed = [AliasName.champion, AliasName.latest]
}
