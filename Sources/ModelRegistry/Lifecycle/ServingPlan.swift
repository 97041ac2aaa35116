/// What an instance is to serve: which versions exist, what each reference means, and which versions are wanted in memory
/// before anybody asks for them.
public struct ServingPlan: Sendable {
    /// Which versions an instance loads by itself; all others it loads when a request wants them.
    public enum Preload: Sendable, Hashable {
        /// Of a registry topic: what any alias or traffic rule means, and each model's champion. Of a store's own index,
        /// which has no aliases: every version.
        case all
        /// What these mean, and the traffic rules of their models.
        case only([ModelReference])
    }

    /// A version and what made a reference mean it.
    public typealias Target = VersionCatalog.Resolution

    struct Traffic: Sendable, Hashable {
        var rule: TrafficRule
        var activation: Int64
    }

    public let catalog: VersionCatalog
    /// What aliases mean; of each model at least `champion` and `latest`, which every model has.
    let aliases: [ModelReference: Target]
    /// By model.
    let traffic: [String: Traffic]
    let wanted: [ModelVersion.Identity: ModelVersion]

    /// What the registry topic says. A preload of what is not there (yet) is not wanted (yet).
    public init(_ state: RegistryState, preload: Preload = .all) {
        let catalog = state.catalog
        var aliases: [ModelReference: Target] = [:]
        for (name, model) in state.models {
            for alias in Set(model.aliases.keys).union([AliasName.champion, AliasName.latest]) {
                let reference = ModelReference(name: name, version: .alias(alias))
                aliases[reference] = try? catalog.resolve(reference)
            }
        }
        let traffic = state.models.compactMapValues { model in
            model.traffic.map { Traffic(rule: $0.rule, activation: $0.set.offset) }
        }
        let references: [ModelReference]
        let models: Set<String>
        switch preload {
        case .all: (references, models) = (Array(aliases.keys), Set(traffic.keys))
        case .only(let given): (references, models) = (given, Set(given.map(\.name)))
        }
        self.init(
            catalog: catalog, aliases: aliases, traffic: traffic,
            wanted: references + traffic.filter { models.contains($0.key) }.flatMap(Self.references))
    }

    /// What a store's own index says.
    public init(_ catalog: VersionCatalog, preload: Preload = .all) {
        var aliases: [ModelReference: Target] = [:]
        for name in Set(catalog.all.map(\.identity.name)) {
            for alias in [AliasName.champion, AliasName.latest] {
                let reference = ModelReference(name: name, version: .alias(alias))
                aliases[reference] = try? catalog.resolve(reference)
            }
        }
        let wanted: [ModelReference] =
            switch preload {
            case .all:
                catalog.all.map { ModelReference(name: $0.identity.name, version: .number($0.identity.number)) }
            case .only(let references): references
            }
        self.init(catalog: catalog, aliases: aliases, traffic: [:], wanted: wanted)
    }

    private init(
        catalog: VersionCatalog, aliases: [ModelReference: Target], traffic: [String: Traffic],
        wanted references: [ModelReference]
    ) {
        self.catalog = catalog
        self.aliases = aliases
        self.traffic = traffic
        var wanted: [ModelVersion.Identity: ModelVersion] = [:]
        for reference in references {
            if let version = try? catalog.version(for: reference) { wanted[version.identity] = version }
        }
        self.wanted = wanted
    }

    private static func references(_ model: String, _ traffic: Traffic) -> [ModelReference] {
        [traffic.rule.canary?.number, traffic.rule.shadow?.number].compactMap { $0 }
            .map { ModelReference(name: model, version: .number($0)) }
    }
}
