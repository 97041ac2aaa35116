import JSONDocuments
public import KafkaClient

extension RegistryEventCoding {
    /// The event that a record of the registry topic is.
    ///
    /// - Throws: ``RegistryLogError/newerFormat(offset:key:format:supported:)``,
    ///   ``RegistryLogError/malformedEvent(offset:key:reason:)``.
    public static func event(_ record: KafkaRecord) throws(RegistryLogError) -> RegistryEvent {
        let text = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
        func malformed(_ reason: String) -> RegistryLogError {
            .malformedEvent(offset: record.offset, key: text, reason: reason)
        }
        func header(_ name: String) -> String? {
            record.firstHeaderValue(ignoringCase: name).map { String(decoding: $0, as: UTF8.self) }
        }
        func check(format: Int) throws(RegistryLogError) {
            guard format >= 1 else { throw malformed("found format \(format), expected 1 or more") }
            guard format <= RegistryEvent.formatVersion else {
                throw .newerFormat(
                    offset: record.offset, key: text, format: format, supported: RegistryEvent.formatVersion)
            }
        }
        // First: of a later format nothing else is known, not even its keys.
        if let format = header(Header.format) {
            guard let number = Int(format) else {
                throw malformed("header \(Header.format): found \"\(format)\", expected a number")
            }
            try check(format: number)
        }
        guard let value = record.value else {
            guard let key = RegistryKey(parsing: text) else { throw malformed("the key is not one of the registry's") }
            return RegistryEvent(
                ending(key), time: record.timestamp ?? 0, operatorName: header(Header.operatorName) ?? "")
        }
        do {
            let root = JSONCursor(try JSONValue(parsing: value, limits: limits), path: "value")
            try check(format: try root.member("format").integer())
            guard let key = RegistryKey(parsing: text) else { throw malformed("the key is not one of the registry's") }
            guard let type = header(Header.type).flatMap(RegistryEventType.init(rawValue:)) else {
                throw malformed("header \(Header.type): found \(header(Header.type) ?? "none"), expected an event type")
            }
            let event = RegistryEvent(
                try change(type, root),
                time: header(Header.time).flatMap(EventTime.milliseconds) ?? record.timestamp ?? 0,
                operatorName: try root.member("operator").string())
            guard event.key == key else { throw malformed("the value is about \"\(event.key)\"") }
            return event
        } catch let error as JSONError {
            throw malformed("\(error)")
        } catch let error as RegistryLogError {
            throw error
        } catch {
            throw malformed("\(error)")
        }
    }

    /// What a tombstone of the key means.
    private static func ending(_ key: RegistryKey) -> RegistryEvent.Change {
        switch key {
        case .alias(let model, let alias): .aliasRemoved(model: model, alias: alias)
        case .traffic(let model): .trafficChanged(model: model, nil)
        case .instance(let instance, let identity): .versionUnloaded(instance: instance, identity)
        case .version, .action: .erased(key)
        }
    }

    private static func change(_ type: RegistryEventType, _ root: JSONCursor) throws -> RegistryEvent.Change {
        switch type {
        case .versionCreated: return .versionCreated(try record(root))
        case .versionRetired:
            return .versionRetired(
                try record(root), createdOffset: Int64(try root.member("createdOffset").integer()))
        case .aliasSet:
            return .aliasSet(
                model: try name(root), alias: try alias(root), number: try number(root.member("version")),
                previous: try root.optionalMember("previous").map(number))
        case .trafficChanged:
            return .trafficChanged(model: try name(root), try rule(root))
        case .versionLoaded:
            return .versionLoaded(instance: try root.member("instance").string(), try identity(root))
        case .loadFailed:
            return .loadFailed(
                instance: try root.member("instance").string(), try identity(root),
                reason: try root.member("error").string())
        case .actionTaken:
            return .actionTaken(
                kind: try root.member("kind").string(), subject: try root.member("subject").string(),
                details: try root.member("details").value)
        case .aliasRemoved, .trafficCleared, .versionUnloaded, .erased:
            throw root.failure("found a value, expected none for \(type.rawValue)")
        }
    }

    private static func record(_ root: JSONCursor) throws -> VersionRecord {
        VersionRecord(
            identity: try identity(root), digest: try digest(root.member("digest")),
            weightsSHA256: try digest(root.member("weightsSHA256")),
            graphSHA256: try digest(root.member("graphSHA256")),
            framework: try root.optionalMember("framework")?.string())
    }

    private static func identity(_ root: JSONCursor) throws -> ModelVersion.Identity {
        .init(name: try name(root), number: try number(root.member("version")))
    }

    private static func name(_ root: JSONCursor) throws -> String {
        let member = try root.member("model")
        let name = try member.string()
        do throws(RegistryError) { try ModelName.validate(name) } catch { throw member.failure("\(error)") }
        return name
    }

    private static func alias(_ root: JSONCursor) throws -> String {
        let member = try root.member("alias")
        let alias = try member.string()
        do throws(RegistryError) { try AliasName.validate(alias) } catch { throw member.failure("\(error)") }
        return alias
    }

    private static func number(_ cursor: JSONCursor) throws(JSONError) -> Int {
        let number = try cursor.integer()
        guard number > 0 else { throw cursor.failure("found \(number), expected a positive number") }
        return number
    }

    private static func digest(_ cursor: JSONCursor) throws(JSONError) -> String {
        let digest = try cursor.string()
        guard digest.utf8.count == 64, digest.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
            throw cursor.failure("found \"\(digest)\", expected a SHA-256 in lower-case hexadecimal")
        }
        return digest
    }

    private static func rule(_ root: JSONCursor) throws -> TrafficRule {
        var rule = TrafficRule()
        if let canary = try root.optionalMember("canary") {
            let share = try canary.member("share")
            guard (1...TrafficRule.bucketCount).contains(try share.integer()) else {
                throw share.failure("found \(try share.integer()), expected 1 to \(TrafficRule.bucketCount)")
            }
            rule.canary = .init(number: try number(canary.member("version")), share: try share.integer())
        }
        if let shadow = try root.optionalMember("shadow") {
            rule.shadow = .init(
                number: try number(shadow.member("version")), topic: try shadow.member("topic").string())
        }
        guard !rule.isEmpty else { throw root.failure("found neither canary nor shadow, expected at least one") }
        return rule
    }
}
