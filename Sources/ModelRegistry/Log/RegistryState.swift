public import JSONDocuments
public import KafkaClient

/// What the registry topic says up to an offset: a pure fold over its records.
///
/// The fold gives the same whether or not the topic has been compacted in between, because every event holds what later
/// decisions need of the events that it replaces.
public struct RegistryState: Sendable, Hashable {
    /// Where, when and by whom something was written.
    public struct Stamp: Sendable, Hashable {
        public var offset: Int64
        /// Milliseconds since 1970-01-01 UTC.
        public var time: Int64
        public var operatorName: String
    }

    public struct Version: Sendable, Hashable {
        public var record: VersionRecord
        /// Of the event that created it: what activates a reference by number.
        public var createdOffset: Int64
        /// Nil once compaction has removed that event.
        public var created: Stamp?
        public var retired: Stamp?

        public var isRetired: Bool { retired != nil }
    }

    public struct Alias: Sendable, Hashable {
        public var number: Int
        /// What it meant before.
        public var previous: Int?
        /// Its offset is what activates a reference by this alias.
        public var set: Stamp
    }

    public struct Traffic: Sendable, Hashable {
        public var rule: TrafficRule
        public var set: Stamp
    }

    /// What became of a version on an instance.
    public struct Residence: Sendable, Hashable {
        /// Why it could not be loaded; nil when it is.
        public var failure: String?
        public var reported: Stamp
    }

    public struct Model: Sendable, Hashable {
        /// By number; retired ones included.
        public var versions: [Int: Version] = [:]
        public var aliases: [String: Alias] = [:]
        public var traffic: Traffic?
        /// By number, then by instance.
        public var residences: [Int: [String: Residence]] = [:]

        /// The highest number that is not retired.
        public var latest: Int? { versions.values.lazy.filter { !$0.isRetired }.map(\.record.identity.number).max() }

        /// What an unqualified reference means.
        public var champion: Int? { aliases[AliasName.champion]?.number ?? latest }

        /// The number of the next version; those of retired ones are never given again.
        public var nextNumber: Int { (versions.keys.max() ?? 0) + 1 }

        var isEmpty: Bool { versions.isEmpty && aliases.isEmpty && traffic == nil && residences.isEmpty }
    }

    /// The last thing of its kind that an operator did to a subject.
    public struct Action: Sendable, Hashable {
        public var kind: String
        public var subject: String
        public var details: JSONValue
        public var taken: Stamp
    }

    /// By name.
    public private(set) var models: [String: Model] = [:]
    /// By key.
    public private(set) var actions: [RegistryKey: Action] = [:]
    /// The offset after the last record that was applied.
    public private(set) var nextOffset: Int64 = 0

    public init() {}

    /// Decodes and applies a record; unchanged when that fails.
    /// - Returns: the event.
    /// - Throws: as ``RegistryEventCoding/event(_:)``.
    @discardableResult
    public mutating func apply(_ record: KafkaRecord) throws(RegistryLogError) -> RegistryEvent {
        let event = try RegistryEventCoding.event(record)
        apply(event, offset: record.offset)
        return event
    }

    /// Any event can be applied to any state: what an event says about a version that is not known (yet) is kept.
    public mutating func apply(_ event: RegistryEvent, offset: Int64) {
        nextOffset = max(nextOffset, offset + 1)
        let stamp = Stamp(offset: offset, time: event.time, operatorName: event.operatorName)
        switch event.change {
        case .versionCreated(let record):
            change(record.identity.name) {
                $0.versions[record.identity.number] = Version(record: record, createdOffset: offset, created: stamp)
            }
        case .versionRetired(let record, let createdOffset):
            change(record.identity.name) {
                let created = $0.versions[record.identity.number]?.created
                $0.versions[record.identity.number] = Version(
                    record: record, createdOffset: createdOffset, created: created, retired: stamp)
            }
        case .aliasSet(let model, let alias, let number, let previous):
            change(model) { $0.aliases[alias] = Alias(number: number, previous: previous, set: stamp) }
        case .aliasRemoved(let model, let alias):
            change(model) { $0.aliases[alias] = nil }
        case .trafficChanged(let model, let rule):
            change(model) { $0.traffic = rule.map { Traffic(rule: $0, set: stamp) } }
        case .versionLoaded(let instance, let identity):
            change(identity.name) {
                $0.residences[identity.number, default: [:]][instance] = Residence(failure: nil, reported: stamp)
            }
        case .loadFailed(let instance, let identity, let reason):
            change(identity.name) {
                $0.residences[identity.number, default: [:]][instance] = Residence(failure: reason, reported: stamp)
            }
        case .versionUnloaded(let instance, let identity):
            change(identity.name) {
                $0.residences[identity.number]?[instance] = nil
                if $0.residences[identity.number]?.isEmpty == true { $0.residences[identity.number] = nil }
            }
        case .actionTaken(let kind, let subject, let details):
            actions[event.key] = Action(kind: kind, subject: subject, details: details, taken: stamp)
        case .erased(.version(let identity)):
            change(identity.name) { $0.versions[identity.number] = nil }
        case .erased(let key):
            actions[key] = nil
        }
    }

    private mutating func change(_ name: String, _ body: (inout Model) -> Void) {
        var model = models[name] ?? Model()
        body(&model)
        models[name] = model.isEmpty ? nil : model
    }

    /// Which reference means which version, by this state.
    public var catalog: VersionCatalog { VersionCatalog(self) }

    /// The versions that an instance says it has loaded, or failed to.
    public func residences(of instance: String) -> [ModelVersion.Identity: Residence] {
        var found: [ModelVersion.Identity: Residence] = [:]
        for (name, model) in models {
            for (number, instances) in model.residences {
                if let residence = instances[instance] { found[.init(name: name, number: number)] = residence }
            }
        }
        return found
    }
}
