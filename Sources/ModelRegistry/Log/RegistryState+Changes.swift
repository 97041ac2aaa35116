import JSONDocuments

// What operators do to versions, as decisions on a state: for ``RegistryWriter/write(as:_:)``.
extension RegistryState {
    /// What became of an alias.
    public struct AliasChange: Sendable, Hashable {
        public var model: String
        public var alias: String
        public var number: Int
        /// What it meant before; nil when it meant nothing.
        public var previous: Int?
        /// False when it meant that version already.
        public var isChange: Bool
    }

    /// A model's traffic rule after a decision.
    public struct TrafficChange: Sendable, Hashable {
        public var rule: TrafficRule
        /// False when it was the same before.
        public var isChange: Bool
    }

    /// The model with that name.
    /// - Throws: ``RegistryError/unknownModel(_:nearest:knownCount:)``.
    public func model(_ name: String) throws(RegistryError) -> Model {
        guard let model = models[name], !model.versions.isEmpty else {
            let known = models.filter { !$0.value.versions.isEmpty }.keys
            throw .unknownModel(name, nearest: NearestName.nearest(to: name, among: known), knownCount: known.count)
        }
        return model
    }

    /// The next version of a model, under an alias too if one is given.
    public func creation(_ record: VersionRecord, alias: String?) throws -> RegistryDecision<Bool> {
        let name = record.identity.name
        guard record.identity.number == models[name]?.nextNumber ?? 1 else { return RegistryDecision([], false) }
        var changes: [RegistryEvent.Change] = [.versionCreated(record)]
        if let alias {
            try AliasName.validate(alias)
            changes.append(
                .aliasSet(
                    model: name, alias: alias, number: record.identity.number,
                    previous: meaning(of: alias, in: models[name] ?? Model())))
        }
        return RegistryDecision(changes, true)
    }

    /// Points an alias to a version.
    public func promotion(
        _ identity: ModelVersion.Identity, alias: String = AliasName.champion
    ) throws -> RegistryDecision<AliasChange> {
        try AliasName.validate(alias)
        let version = try catalog.version(for: ModelReference(name: identity.name, version: .number(identity.number)))
        let model = try model(identity.name)
        let previous = meaning(of: alias, in: model)
        var change = AliasChange(
            model: identity.name, alias: alias, number: version.identity.number, previous: previous, isChange: false)
        if model.aliases[alias]?.number == identity.number { return RegistryDecision([], change) }
        change.isChange = true
        // A champion that was implied and is now set stays what it was: there is nothing to go back to.
        let holder = previous == identity.number ? nil : previous
        change.previous = holder
        return RegistryDecision(
            [.aliasSet(model: identity.name, alias: alias, number: identity.number, previous: holder)], change)
    }

    /// Points an alias back to its previous holder. Doing so twice changes nothing in the end.
    public func rollback(
        _ name: String, alias: String = AliasName.champion
    ) throws -> RegistryDecision<AliasChange> {
        let model = try model(name)
        guard let current = model.aliases[alias] else {
            _ = try catalog.resolve(ModelReference(name: name, version: .alias(alias)))
            throw RegistryRefusal.noPreviousHolder(model: name, alias: alias)
        }
        guard let previous = current.previous else {
            throw RegistryRefusal.noPreviousHolder(model: name, alias: alias)
        }
        guard let version = model.versions[previous], !version.isRetired else {
            throw RegistryRefusal.previousHolderGone(model: name, alias: alias, previous: previous)
        }
        return RegistryDecision(
            [.aliasSet(model: name, alias: alias, number: previous, previous: current.number)],
            AliasChange(model: name, alias: alias, number: previous, previous: current.number, isChange: true))
    }

    /// Removes an alias.
    public func aliasRemoval(_ name: String, alias: String) throws -> RegistryDecision<AliasChange> {
        let model = try model(name)
        guard let current = model.aliases[alias] else {
            throw RegistryError.unknownAlias(
                ModelReference(name: name, version: .alias(alias)), nearest: nil,
                available: model.versions.keys.sorted())
        }
        return RegistryDecision(
            [.aliasRemoved(model: name, alias: alias)],
            AliasChange(model: name, alias: alias, number: current.number, previous: current.number, isChange: true))
    }

    /// Retires a version, whose number is not given again.
    /// - Returns: false when it is retired already.
    public func retirement(_ identity: ModelVersion.Identity) throws -> RegistryDecision<Bool> {
        let model = try model(identity.name)
        guard let version = model.versions[identity.number] else {
            throw RegistryError.unknownVersion(
                ModelReference(name: identity.name, version: .number(identity.number)),
                available: model.versions.values.filter { !$0.isRetired }.map(\.record.identity.number).sorted())
        }
        if version.isRetired { return RegistryDecision([], false) }
        var users = model.aliases.filter { $0.value.number == identity.number }.keys.sorted().map { "alias \"\($0)\"" }
        if model.traffic?.rule.canary?.number == identity.number { users.append("the canary") }
        if model.traffic?.rule.shadow?.number == identity.number { users.append("the shadow") }
        guard users.isEmpty else { throw RegistryRefusal.inUse(identity, by: users) }
        if model.aliases[AliasName.champion] == nil, model.latest == identity.number {
            var rest = model
            rest.versions[identity.number] = nil
            if let next = rest.latest { throw RegistryRefusal.impliedChampion(identity, next: next) }
        }
        return RegistryDecision([.versionRetired(version.record, createdOffset: version.createdOffset)], true)
    }

    /// Changes a model's traffic rule.
    /// - Parameter change: gets the rule as it is.
    public func trafficChange(
        _ name: String, _ change: (inout TrafficRule) -> Void
    ) throws -> RegistryDecision<TrafficChange> {
        let model = try model(name)
        let before = model.traffic?.rule ?? TrafficRule()
        var rule = before
        change(&rule)
        guard rule != before else { return RegistryDecision([], TrafficChange(rule: rule, isChange: false)) }
        for number in [rule.canary?.number, rule.shadow?.number].compactMap({ $0 }) {
            _ = try catalog.version(for: ModelReference(name: name, version: .number(number)))
        }
        if let canary = rule.canary, rule.canary != before.canary {
            guard (1...TrafficRule.bucketCount).contains(canary.share) else {
                throw RegistryRefusal.invalidTraffic(
                    model: name, reason: "canary share: found \(canary.share), expected 1 to \(TrafficRule.bucketCount)"
                )
            }
            guard canary.number != model.champion else {
                throw RegistryRefusal.invalidTraffic(
                    model: name, reason: "version \(canary.number) is the champion; a canary is another version")
            }
        }
        if let shadow = rule.shadow, rule.shadow != before.shadow, shadow.number == model.champion {
            throw RegistryRefusal.invalidTraffic(
                model: name, reason: "version \(shadow.number) is the champion; a shadow is another version")
        }
        return RegistryDecision(
            [.trafficChanged(model: name, rule.isEmpty ? nil : rule)], TrafficChange(rule: rule, isChange: true))
    }

    private func meaning(of alias: String, in model: Model) -> Int? {
        alias == AliasName.champion ? model.champion : model.aliases[alias]?.number
    }
}
