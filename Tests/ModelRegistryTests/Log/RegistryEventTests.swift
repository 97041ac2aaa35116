import JSONDocuments
import KafkaClient
import ModelRegistry
import TestSupport
import Testing

@Suite struct RegistryEventTests {
    @Test(arguments: EventSamples.all) func recordsReadBackAsWritten(_ change: RegistryEvent.Change) throws {
        let event = EventSamples.event(change)
        let read = try RegistryEventCoding.event(EventSamples.record(event, at: 5))
        #expect(read == event)
    }

    @Test func headersAreCloudEvents() throws {
        let record = EventSamples.record(EventSamples.event(EventSamples.alias("champion", 2)), at: 5)
        func header(_ name: String) -> String? {
            record.firstHeaderValue(ignoringCase: name).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(header("ce_specversion") == "1.0")
        #expect(header("ce_type") == "millrace.registry.alias.set")
        #expect(header("ce_subject") == "alias/digits/champion")
        #expect(header("ce_time") == "2025-10-09T08:53:20.123Z")
        #expect(header("content-type") == "application/json")
        #expect(record.key.map { String(decoding: $0, as: UTF8.self) } == "alias/digits/champion")
    }

    @Test func valuesFitTheirSchema() throws {
        let values = EventSamples.all.compactMap { RegistryEventCoding.value(of: EventSamples.event($0)) }
        #expect(values.count == 9)
        let documents = values.enumerated().map {
            JSONSchemaValidator.Document(
                schema: "registry-event.schema.json", name: "event \($0.offset)", json: $0.element.serialized())
        }
        #expect(try JSONSchemaValidator.violations(in: documents) == [])
        let wrong = JSONSchemaValidator.Document(
            schema: "registry-event.schema.json", name: "wrong",
            json: Array(#"{"format": 1, "operator": "a", "model": "digits", "alias": "latest", "version": 1}"#.utf8))
        #expect(try !JSONSchemaValidator.violations(in: [wrong]).isEmpty)
    }

    @Test func endsAreTombstones() {
        let ends: [RegistryEvent.Change] = [
            .aliasRemoved(model: "digits", alias: "stable"), .trafficChanged(model: "digits", nil),
            .versionUnloaded(instance: "a", .init(name: "digits", number: 1)),
        ]
        for end in ends { #expect(EventSamples.record(EventSamples.event(end), at: 1).value == nil) }
        let retired = EventSamples.event(.versionRetired(EventSamples.version("digits", 1), createdOffset: 3))
        #expect(EventSamples.record(retired, at: 1).value != nil)
    }

    @Test(arguments: [true, false]) func newerFormatsAreNamedWithTheirOffset(inHeader: Bool) throws {
        let key = "alias/digits/champion"
        let record = KafkaRecord(
            topicPartition: TopicPartition(topic: "models", partition: 0), offset: 42,
            key: ArraySlice(key.utf8), value: ArraySlice(#"{"format": 2, "what": "ever"}"#.utf8),
            headers: inHeader ? [KafkaHeader(name: "millrace-format", text: "2")] : [])
        #expect(throws: RegistryLogError.newerFormat(offset: 42, key: key, format: 2, supported: 1)) {
            try RegistryEventCoding.event(record)
        }
    }

    @Test(arguments: [
        ("alias/digits/champion", "millrace.registry.alias.set", "not JSON", "line 1"),
        ("alias/digits/champion", "millrace.registry.alias.set", #"{"operator": "a"}"#, "format"),
        ("alias/digits/champion", "millrace.registry.alias.swap", #"{"format": 1, "operator": "a"}"#, "ce_type"),
        (
            "alias/digits/champion", "millrace.registry.alias.set",
            #"{"format": 1, "operator": "a", "model": "digits", "alias": "champion", "version": 0}"#, "value.version"
        ),
        (
            "alias/digits/champion", "millrace.registry.alias.set",
            #"{"format": 1, "operator": "a", "model": "digits", "alias": "latest", "version": 1}"#, "value.alias"
        ),
        (
            "alias/digits/stable", "millrace.registry.alias.set",
            #"{"format": 1, "operator": "a", "model": "digits", "alias": "champion", "version": 1}"#, "is about"
        ),
        (
            "traffic/digits", "millrace.registry.traffic.changed",
            #"{"format": 1, "operator": "a", "model": "digits", "canary": {"version": 1, "share": 10001}}"#, "share"
        ),
        (
            "version/digits/1", "millrace.registry.version.created",
            #"{"format": 1, "operator": "a", "model": "digits", "version": 1, "digest": "../../etc"}"#, "value.digest"
        ),
        ("something/else", "millrace.registry.alias.set", #"{"format": 1, "operator": "a"}"#, "key"),
    ])
    func damagedRecordsSayWhatIsWrong(_ key: String, _ type: String, _ value: String, _ expected: String) throws {
        let record = KafkaRecord(
            topicPartition: TopicPartition(topic: "models", partition: 0), offset: 7, key: ArraySlice(key.utf8),
            value: ArraySlice(value.utf8), headers: [KafkaHeader(name: "ce_type", text: type)])
        let error = try #require(throws: RegistryLogError.self) { try RegistryEventCoding.event(record) }
        guard case .malformedEvent(7, key, let reason) = error else {
            Issue.record("found \(error)")
            return
        }
        #expect(reason.contains(expected))
    }

    @Test(arguments: [
        "", "version/digits", "version/digits/0", "version/digits/01", "version/../1", "alias/digits/latest",
        "alias/digits/7", "traffic/a/b", "instance/a/b", "instance//digits/1", "action/x/",
    ])
    func otherKeysAreRefused(_ text: String) {
        #expect(RegistryKey(parsing: text) == nil)
    }
}
