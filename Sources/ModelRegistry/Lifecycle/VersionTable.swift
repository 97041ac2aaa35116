/// What has become of each version here, and which of them each reference means at this moment: the lifecycle's state
/// machine.
///
///     absent → loading → loaded → (released by its last batch) → absent
///                 ↘ failed → loading …
///
/// A reference whose meaning changed keeps its old version until the new one is loaded, and for good if that fails. A value
/// without clock, store or threads; every change returns what is to be done about it.
///
/// - Parameter Model: what a loaded version is; a test's may be anything.
struct VersionTable<Model: Sendable>: Sendable {
    enum Phase: Sendable {
        case loading
        case loaded(Model, bytes: Int)
        case failed(reason: String, retryNotBefore: ContinuousClock.Instant)
        /// Had to make room for others; comes back when it is asked for.
        case evicted
    }

    enum Action: Sendable {
        case load(ModelVersion)
        /// The table's reference is gone; batches may hold others.
        case released(ModelVersion.Identity, Model)
    }

    /// How long a version that could not be loaded is left alone.
    static var retryPause: Duration { .seconds(30) }

    private(set) var plan = ServingPlan(VersionCatalog())
    private(set) var phases: [ModelVersion.Identity: Phase] = [:]
    /// What aliases mean now: behind the plan while a version is being loaded.
    private(set) var inForce: [ModelReference: ServingPlan.Target] = [:]
    /// Traffic rules whose versions are loaded.
    private(set) var traffic: [String: ServingPlan.Traffic] = [:]
    /// Bytes that loaded versions may take together; nil is no limit.
    var budget: Int?
    /// Loaded for a request that named them, though nothing else wants them.
    private var onDemand: Set<ModelVersion.Identity> = []
    /// Counts requests for versions; the order of last use.
    private var clock = 0
    private var lastUse: [ModelVersion.Identity: Int] = [:]

    init(budget: Int? = nil) { self.budget = budget }

    var bytes: Int {
        phases.values.reduce(0) { if case .loaded(_, let bytes) = $1 { $0 + bytes } else { $0 } }
    }

    func model(_ identity: ModelVersion.Identity) -> Model? {
        if case .loaded(let model, _)? = phases[identity] { model } else { nil }
    }

    // MARK: Changes

    /// - Parameter loads: whether versions that are wanted are to be loaded; else they only come as the caller brings them.
    mutating func follow(_ plan: ServingPlan, loads: Bool, now: ContinuousClock.Instant) -> [Action] {
        self.plan = plan
        var actions: [Action] = []
        if loads {
            for version in plan.wanted.values.sorted(by: { $0.identity < $1.identity }) {
                switch phases[version.identity] {
                case nil: actions += startLoading(version)
                case .failed(_, let retry) where retry <= now: actions += startLoading(version)
                default: continue
                }
            }
        }
        return actions + settle(releases: loads)
    }

    /// A request wants the version.
    /// - Returns: its phase now.
    mutating func demand(_ version: ModelVersion, now: ContinuousClock.Instant) -> (phase: Phase, actions: [Action]) {
        use(version.identity)
        let phase = phases[version.identity]
        switch phase {
        case .loaded?, .loading?: return (phase ?? .loading, [])
        case .failed(let reason, let retry)? where retry > now:
            return (.failed(reason: reason, retryNotBefore: retry), [])
        case .failed?, .evicted?, nil:
            if plan.wanted[version.identity] == nil { onDemand.insert(version.identity) }
            return (.loading, startLoading(version))
        }
    }

    mutating func use(_ identity: ModelVersion.Identity) {
        clock += 1
        lastUse[identity] = clock
    }

    /// Makes room for a version that is about to be loaded.
    /// - Parameter bytes: what it will take, about.
    mutating func reserve(_ bytes: Int, for identity: ModelVersion.Identity) -> [Action] {
        evict(forBytes: bytes, sparing: identity)
    }

    /// - Parameter bytes: what the version takes.
    mutating func loaded(_ identity: ModelVersion.Identity, _ model: Model, bytes: Int, releases: Bool) -> [Action] {
        var actions = drop(identity, leaving: .loaded(model, bytes: bytes))
        actions += evict(forBytes: 0, sparing: identity)
        return actions + settle(releases: releases)
    }

    mutating func failed(_ identity: ModelVersion.Identity, reason: String, now: ContinuousClock.Instant) {
        phases[identity] = .failed(reason: reason, retryNotBefore: now + Self.retryPause)
    }

    // MARK: Inside

    private mutating func startLoading(_ version: ModelVersion) -> [Action] {
        phases[version.identity] = .loading
        return [.load(version)]
    }

    /// Lets references move on to versions that are loaded, then releases what nothing means or wants any more.
    private mutating func settle(releases: Bool) -> [Action] {
        for (reference, desired) in plan.aliases {
            // A version that made room comes back when it is asked for; until then the reference waits for nothing.
            // Nor does it wait for what nobody loads before it is asked for.
            guard let current = inForce[reference], current != desired, model(desired.version.identity) == nil,
                model(current.version.identity) != nil, plan.wanted[desired.version.identity] != nil
            else {
                inForce[reference] = desired
                continue
            }
        }
        for reference in inForce.keys where plan.aliases[reference] == nil { inForce[reference] = nil }
        for (name, desired) in plan.traffic {
            traffic[name] = settled(desired, was: traffic[name], model: name)
        }
        for name in traffic.keys where plan.traffic[name] == nil { traffic[name] = nil }
        return releases ? releaseUnwanted() : []
    }

    /// The rule, once its canary is loaded; until then what was before. A shadow is waited for by nothing.
    private func settled(
        _ desired: ServingPlan.Traffic, was current: ServingPlan.Traffic?, model name: String
    ) -> ServingPlan.Traffic? {
        guard let canary = desired.rule.canary, model(.init(name: name, number: canary.number)) == nil else {
            return desired
        }
        // A canary that had to make room stays in force: its requests wait until it is back.
        return current
    }

    private mutating func releaseUnwanted() -> [Action] {
        var needed = Set(plan.wanted.keys)
        needed.formUnion(inForce.values.map(\.version.identity))
        for (name, traffic) in traffic {
            for number in [traffic.rule.canary?.number, traffic.rule.shadow?.number].compactMap({ $0 }) {
                needed.insert(.init(name: name, number: number))
            }
        }
        let existing = Set(plan.catalog.all.map(\.identity))
        var actions: [Action] = []
        for identity in phases.keys.sorted() where !needed.contains(identity) {
            if onDemand.contains(identity), existing.contains(identity) { continue }
            switch phases[identity] {
            // Its loader reports it still, and then it goes.
            case .loading?, nil: continue
            default: actions += drop(identity, leaving: nil)
            }
        }
        return actions
    }

    /// Releases least recently used versions until so many more bytes fit.
    private mutating func evict(forBytes wanted: Int, sparing spared: ModelVersion.Identity) -> [Action] {
        guard let budget else { return [] }
        var actions: [Action] = []
        var total = bytes
        let loaded = phases.keys.filter { $0 != spared && model($0) != nil }
            .sorted { (lastUse[$0] ?? 0, $0) < (lastUse[$1] ?? 0, $1) }
        for identity in loaded where total > budget - min(wanted, budget) {
            guard case .loaded(_, let bytes)? = phases[identity] else { continue }
            total -= bytes
            actions += drop(identity, leaving: .evicted)
        }
        return actions
    }

    private mutating func drop(_ identity: ModelVersion.Identity, leaving phase: Phase?) -> [Action] {
        let old = model(identity)
        phases[identity] = phase
        if phase == nil {
            onDemand.remove(identity)
            lastUse[identity] = nil
        }
        return old.map { [.released(identity, $0)] } ?? []
    }
}
