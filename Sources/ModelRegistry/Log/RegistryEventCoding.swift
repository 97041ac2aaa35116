import FoundationEssentials
public import JSONDocuments
public import KafkaClient

/// Events of the registry as Kafka records: CloudEvents 1.0 in the Kafka binding's binary mode, with a JSON value.
///
/// What ends with an event (an alias, a traffic rule, a loaded version) is written as a tombstone, so that compaction
/// removes it; its headers still say who did it, as long as the record lasts.
public enum RegistryEventCoding {
    /// Names of headers.
    enum Header {
        static let contentType = "content-type"
        static let specificationVersion = "ce_specversion"
        static let id = "ce_id"
        static let type = "ce_type"
        static let source = "ce_source"
        static let subject = "ce_subject"
        static let time = "ce_time"
        /// The format's number; in the value as well, unless there is none.
        static let format = "millrace-format"
        static let operatorName = "millrace-operator"
    }

    /// Values are small; anything larger is no event.
    static let limits = JSONLimits(maximumBytes: 1 << 20, maximumDepth: 32, maximumValues: 20_000)

    /// - Parameters:
    ///   - id: the CloudEvents id, unique under the source.
    ///   - source: who writes, as `/millrace/<application id>`.
    public static func record(
        _ event: RegistryEvent, topic: String, id: String, source: String
    ) -> ProducerRecord {
        let value = value(of: event)
        var headers = [
            KafkaHeader(name: Header.specificationVersion, text: "1.0"),
            KafkaHeader(name: Header.id, text: id),
            KafkaHeader(name: Header.type, text: event.type),
            KafkaHeader(name: Header.source, text: source),
            KafkaHeader(name: Header.subject, text: event.key.description),
            KafkaHeader(name: Header.time, text: EventTime.text(event.time)),
            KafkaHeader(name: Header.format, text: String(RegistryEvent.formatVersion)),
            KafkaHeader(name: Header.operatorName, text: event.operatorName),
        ]
        if value != nil { headers.insert(KafkaHeader(name: Header.contentType, text: "application/json"), at: 0) }
        return ProducerRecord(
            topic: topic, partition: 0, key: ArraySlice(event.key.description.utf8),
            value: value.map { ArraySlice($0.serialized(.compact)) }, headers: headers, timestamp: event.time)
    }

    /// Nil is a tombstone.
    public static func value(of event: RegistryEvent) -> JSONValue? {
        var members: [String: JSONValue]
        switch event.change {
        case .versionCreated(let record): members = self.members(of: record)
        case .versionRetired(let record, let createdOffset):
            members = self.members(of: record)
            members["retired"] = true
            members["createdOffset"] = .integer(createdOffset)
        case .aliasSet(let model, let alias, let number, let previous):
            members = ["model": .string(model), "alias": .string(alias), "version": .integer(Int64(number))]
            if let previous { members["previous"] = .integer(Int64(previous)) }
        case .trafficChanged(let model, let rule?):
            members = ["model": .string(model)]
            if let canary = rule.canary {
                members["canary"] = [
                    "version": .integer(Int64(canary.number)), "share": .integer(Int64(canary.share)),
                ]
            }
            if let shadow = rule.shadow {
                members["shadow"] = ["version": .integer(Int64(shadow.number)), "topic": .string(shadow.topic)]
            }
        case .versionLoaded(let instance, let identity):
            members = self.members(of: identity, on: instance)
        case .loadFailed(let instance, let identity, let reason):
            members = self.members(of: identity, on: instance)
            members["error"] = .string(reason)
        case .actionTaken(let kind, let subject, let details):
            members = ["kind": .string(kind), "subject": .string(subject), "details": details]
        case .aliasRemoved, .trafficChanged(_, nil), .versionUnloaded, .erased: return nil
        }
        members["format"] = .integer(Int64(RegistryEvent.formatVersion))
        members["operator"] = .string(event.operatorName)
        return .object(members)
    }

    private static func members(of record: VersionRecord) -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "model": .string(record.identity.name), "version": .integer(Int64(record.identity.number)),
            "digest": .string(record.digest), "weightsSHA256": .string(record.weightsSHA256),
            "graphSHA256": .string(record.graphSHA256),
        ]
        if let framework = record.framework { members["framework"] = .string(framework) }
        return members
    }

    private static func members(of identity: ModelVersion.Identity, on instance: String) -> [String: JSONValue] {
        [
            "instance": .string(instance), "model": .string(identity.name),
            "version": .integer(Int64(identity.number)),
        ]
    }
}

/// Moments as CloudEvents write them: RFC 3339 in UTC, to the millisecond.
package enum EventTime {
    private static let style = Date.ISO8601FormatStyle()
    private static let fractionalStyle = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    package static func text(_ milliseconds: Int64) -> String {
        // The style cuts a fraction that a `Double` holds a little too small.
        var (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        if rest < 0 { (seconds, rest) = (seconds - 1, rest + 1000) }
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
        let digits = String(rest)
        return whole.dropLast() + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
    }

    package static func milliseconds(_ text: String) -> Int64? {
        guard let date = (try? fractionalStyle.parse(text)) ?? (try? style.parse(text)) else { return nil }
        return Int64(exactly: (date.timeIntervalSince1970 * 1000).rounded())
    }

    package static func now() -> Int64 { Int64((Date.now.timeIntervalSince1970 * 1000).rounded()) }
}
