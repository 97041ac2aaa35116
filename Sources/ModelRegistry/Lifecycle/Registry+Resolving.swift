import Synchronization

extension Registry {
    /// The loaded model that answers a reference.
    /// - Throws: as ``resolve(_:key:position:)``.
    public func resolve(_ reference: ModelReference) throws(RegistryError) -> LoadedModel {
        try resolve(reference, key: nil, position: "").model
    }

    /// What answers a record that names this reference.
    ///
    /// Where a traffic rule has a canary, the record's key decides: the same key gets the same version.
    /// - Parameters:
    ///   - position: `topic/partition/offset`, which decides for a record without a key.
    /// - Throws: as ``VersionCatalog/version(for:)``; ``RegistryError/loading(_:)``, which starts to load what is not;
    ///   ``RegistryError/loadFailed(_:reason:)``; ``RegistryError/notLoaded(_:)`` of a registry that loads nothing itself.
    public func resolve(
        _ reference: ModelReference, key: @autoclosure () -> ArraySlice<UInt8>?, position: @autoclosure () -> String
    ) throws(RegistryError) -> Resolution {
        var actions: [VersionTable<LoadedModel>.Action] = []
        let found: Result<Route, RegistryError> = state.withLock { state in
            if let recent = state.recent, recent.reference == reference { return .success(recent.route) }
            do throws(RegistryError) {
                let route = try state.route(reference, &actions)
                state.recent = (reference, route)
                return .success(route)
            } catch let error {
                return .failure(error)
            }
        }
        // Rarely any; a load that begins is no change yet.
        if !actions.isEmpty { perform(actions) }
        let route = try found.get()
        guard let split = route.split, split.rule.takesCanary(key: key(), position: position()) else {
            return route.main
        }
        return split.canary
    }
}

extension Registry.State {
    mutating func route(
        _ reference: ModelReference, _ actions: inout [VersionTable<LoadedModel>.Action]
    ) throws(RegistryError) -> Registry.Route {
        // By the plan, so that what is unknown there is unknown; then what is in force.
        let desired = try table.plan.catalog.resolve(reference)
        let target = table.inForce[reference] ?? desired
        let main = Registry.Resolution(
            model: try model(target.version, reference, &actions), activation: target.activation)
        guard reference.version == .champion, let traffic = table.traffic[reference.name] else {
            return Registry.Route(main: main)
        }
        var route = Registry.Route(main: main)
        if let shadow = traffic.rule.shadow, shadowTopics.contains(shadow.topic),
            let model = table.model(.init(name: reference.name, number: shadow.number))
        {
            table.use(model.version.identity)
            route.main.shadow = Registry.Shadow(
                model: model, topic: shadow.topic, activation: traffic.activation)
        }
        if let canary = traffic.rule.canary {
            let named = ModelReference(name: reference.name, version: .number(canary.number))
            let version = try table.plan.catalog.resolve(named, includingRetired: true).version
            route.split = (
                traffic.rule,
                Registry.Resolution(
                    model: try model(version, named, &actions), activation: traffic.activation,
                    shadow: route.main.shadow)
            )
        }
        return route
    }

    private mutating func model(
        _ version: ModelVersion, _ reference: ModelReference, _ actions: inout [VersionTable<LoadedModel>.Action]
    ) throws(RegistryError) -> LoadedModel {
        guard isFollowing else {
            guard let model = table.model(version.identity) else { throw .notLoaded(reference) }
            table.use(version.identity)
            return model
        }
        let (phase, more) = table.demand(version, now: .now)
        actions += more
        switch phase {
        case .loaded(let model, _): return model
        case .failed(let reason, _): throw .loadFailed(reference, reason: reason)
        case .loading, .evicted: throw .loading(reference)
        }
    }
}
