public import JSONDocuments

/// One change of the registry: a record of the registry topic. ``RegistryEventCoding`` says how it is written.
public struct RegistryEvent: Sendable, Hashable {
    /// Of the records; this code writes and reads 1. A change that older programs would misread takes the next number.
    public static let formatVersion = 1

    public enum Change: Sendable, Hashable {
        case versionCreated(VersionRecord)
        /// The record stays, so that its number is never given again and its digest stays known.
        /// `createdOffset` is the offset of the creation, which compaction removes.
        case versionRetired(VersionRecord, createdOffset: Int64)
        /// `previous` is what the alias meant before; for the first `champion`, the highest number of the time.
        case aliasSet(model: String, alias: String, number: Int, previous: Int?)
        case aliasRemoved(model: String, alias: String)
        /// Nil ends the rule.
        case trafficChanged(model: String, TrafficRule?)
        case versionLoaded(instance: String, ModelVersion.Identity)
        case loadFailed(instance: String, ModelVersion.Identity, reason: String)
        case versionUnloaded(instance: String, ModelVersion.Identity)
        /// What an operator did that is not of the registry, as resetting a group's offsets.
        case actionTaken(kind: String, subject: String, details: JSONValue)
        /// A tombstone of a key that Millrace itself never ends: somebody repaired the topic.
        case erased(RegistryKey)
    }

    public var change: Change
    /// Milliseconds since 1970-01-01 UTC.
    public var time: Int64
    /// Who caused it: a person's name, or an instance's id.
    public var operatorName: String

    public init(_ change: Change, time: Int64, operatorName: String) {
        self.change = change
        self.time = time
        self.operatorName = operatorName
    }

    public var key: RegistryKey {
        switch change {
        case .versionCreated(let record), .versionRetired(let record, _): .version(record.identity)
        case .aliasSet(let model, let alias, _, _), .aliasRemoved(let model, let alias):
            .alias(model: model, alias: alias)
        case .trafficChanged(let model, _): .traffic(model: model)
        case .versionLoaded(let instance, let identity), .loadFailed(let instance, let identity, _),
            .versionUnloaded(let instance, let identity):
            .instance(instance, identity)
        case .actionTaken(let kind, let subject, _): .action(kind: kind, subject: subject)
        case .erased(let key): key
        }
    }

    /// The CloudEvents type.
    public var type: String { RegistryEventType(change).rawValue }
}

/// The CloudEvents types of the registry's events.
enum RegistryEventType: String, CaseIterable {
    case versionCreated = "millrace.registry.version.created"
    case versionRetired = "millrace.registry.version.retired"
    case versionLoaded = "millrace.registry.version.loaded"
    case loadFailed = "millrace.registry.version.load-failed"
    case versionUnloaded = "millrace.registry.version.unloaded"
    case aliasSet = "millrace.registry.alias.set"
    case aliasRemoved = "millrace.registry.alias.removed"
    case trafficChanged = "millrace.registry.traffic.changed"
    case trafficCleared = "millrace.registry.traffic.cleared"
    case actionTaken = "millrace.registry.action.taken"
    case erased = "millrace.registry.erased"

    init(_ change: RegistryEvent.Change) {
        self =
            switch change {
            case .versionCreated: .versionCreated
            case .versionRetired: .versionRetired
            case .versionLoaded: .versionLoaded
            case .loadFailed: .loadFailed
            case .versionUnloaded: .versionUnloaded
            case .aliasSet: .aliasSet
            case .aliasRemoved: .aliasRemoved
            case .trafficChanged(_, let rule): rule == nil ? .trafficCleared : .trafficChanged
            case .actionTaken: .actionTaken
            case .erased: .erased
            }
    }
}
