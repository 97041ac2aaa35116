import JSONDocuments
import KafkaClient
import ModelRegistry

/// Events and the records that they become, as a topic would hold them.
enum EventSamples {
    static func digest(_ digit: Character) -> String { String(repeating: digit, count: 64) }

    static func version(_ name: String, _ number: Int, digest digit: Character = "a") -> VersionRecord {
        VersionRecord(
            identity: .init(name: name, number: number), digest: digest(digit), weightsSHA256: digest("b"),
            graphSHA256: digest("c"), framework: "keras")
    }

    static func event(_ change: RegistryEvent.Change, by name: String = "ada") -> RegistryEvent {
        RegistryEvent(change, time: 1_760_000_000_123, operatorName: name)
    }

    static func alias(_ alias: String, _ number: Int, previous: Int? = nil) -> RegistryEvent.Change {
        .aliasSet(model: "digits", alias: alias, number: number, previous: previous)
    }

    /// As a consumer gets it.
    static func record(_ event: RegistryEvent, at offset: Int64) -> KafkaRecord {
        let produced = RegistryEventCoding.record(event, topic: "models", id: "\(offset)", source: "/millrace/test")
        return KafkaRecord(
            topicPartition: TopicPartition(topic: "models", partition: 0), offset: offset,
            timestamp: produced.timestamp, key: produced.key, value: produced.value, headers: produced.headers)
    }

    static func records(_ changes: [RegistryEvent.Change]) -> [KafkaRecord] {
        changes.enumerated().map { record(event($0.element), at: Int64($0.offset) * 2) }
    }

    /// One of each kind.
    static let all: [RegistryEvent.Change] = [
        .versionCreated(version("digits", 1)),
        .versionCreated(version("digits", 2, digest: "d")),
        .versionRetired(version("digits", 1), createdOffset: 0),
        alias("champion", 2, previous: 1),
        alias("stable", 2),
        .aliasRemoved(model: "digits", alias: "stable"),
        .trafficChanged(
            model: "digits",
            TrafficRule(canary: .init(number: 1, share: 1000), shadow: .init(number: 2, topic: "digits-shadow"))),
        .trafficChanged(model: "digits", nil),
        .versionLoaded(instance: "host/1", .init(name: "digits", number: 2)),
        .loadFailed(instance: "host-2", .init(name: "digits", number: 2), reason: "digest mismatch"),
        .versionUnloaded(instance: "host/1", .init(name: "digits", number: 2)),
        .actionTaken(kind: "offsets.reset", subject: "group/with/slash", details: ["to": 7, "dryRun": false]),
        .erased(.version(.init(name: "digits", number: 9))),
    ]
}
