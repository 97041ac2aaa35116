import KafkaClient
import ModelRegistry
import Testing

@Suite struct RegistryStateTests {
    func state(_ changes: [RegistryEvent.Change]) -> RegistryState {
        var fold = RegistryFold()
        fold.take(EventSamples.records(changes))
        #expect(fold.failure == nil)
        return fold.state
    }

    let two: [RegistryEvent.Change] = [
        .versionCreated(EventSamples.version("digits", 1)), .versionCreated(EventSamples.version("digits", 2)),
    ]

    func number(_ state: RegistryState, _ text: String) throws -> Int {
        try state.catalog.version(for: ModelReference(parsing: text)).identity.number
    }

    @Test func championIsTheHighestNumberUntilItIsSet() throws {
        #expect(try number(state(two), "digits") == 2)
        let set = state(two + [EventSamples.alias("champion", 1, previous: 2)])
        #expect(try number(set, "digits") == 1)
        #expect(try number(set, "digits@champion") == 1)
        #expect(try number(set, "digits@latest") == 2)
        #expect(set.models["digits"]?.aliases["champion"]?.previous == 2)
        let removed = state(
            two + [EventSamples.alias("champion", 1), .aliasRemoved(model: "digits", alias: "champion")])
        #expect(try number(removed, "digits") == 2)
    }

    @Test func activationIsTheAliasEventOrTheVersions() throws {
        let catalog = state(two + [EventSamples.alias("champion", 1)]).catalog
        func activation(_ text: String) throws -> Int64? {
            try catalog.resolve(ModelReference(parsing: text)).activation
        }
        #expect(try activation("digits") == 4)
        #expect(try activation("digits@1") == 0)
        #expect(try activation("digits@latest") == 2)
    }

    @Test func retiredVersionsKeepTheirNumberAndAreNotServed() throws {
        let retired = state(two + [.versionRetired(EventSamples.version("digits", 2), createdOffset: 2)])
        #expect(retired.models["digits"]?.nextNumber == 3)
        #expect(try number(retired, "digits@latest") == 1)
        let reference = ModelReference(parsing: "digits@2")
        #expect(throws: RegistryError.unknownVersion(reference, available: [1])) {
            try retired.catalog.resolve(reference)
        }
        let resolution = try retired.catalog.resolve(reference, includingRetired: true)
        #expect(resolution.activation == 2)
        #expect(retired.catalog.all.map(\.identity.number) == [1])
    }

    @Test func unloadingAndClearingLeaveNothing() {
        let identity = ModelVersion.Identity(name: "digits", number: 2)
        let state = state(
            two + [
                .versionLoaded(instance: "a", identity), .loadFailed(instance: "b", identity, reason: "no memory"),
                .trafficChanged(model: "digits", TrafficRule(canary: .init(number: 1, share: 10))),
                .versionUnloaded(instance: "a", identity), .trafficChanged(model: "digits", nil),
            ])
        #expect(state.models["digits"]?.residences[2]?.keys.sorted() == ["b"])
        #expect(state.residences(of: "b")[identity]?.failure == "no memory")
        #expect(state.models["digits"]?.traffic == nil)
    }

    /// Compaction may remove any record that a later one of its key replaces, and tombstones with all before them.
    @Test func compactionChangesNothingThatCounts() {
        var changes = EventSamples.all + EventSamples.all.reversed().filter { $0 != EventSamples.all[2] }
        changes.append(.versionRetired(EventSamples.version("digits", 1), createdOffset: 0))
        let records = EventSamples.records(changes)
        var whole = RegistryState()
        for record in records { _ = try? whole.apply(record) }
        let last = Dictionary(records.map { ($0.key, $0) }) { $1 }
        let kept = records.filter { last[$0.key]?.offset == $0.offset && $0.value != nil }
        #expect(kept.count < records.count / 2)
        var fold = RegistryFold()
        fold.take(kept)
        var (found, expected) = (fold.state.models, whole.models)
        // Who created a retired version is all that is lost.
        for number in [1, 2] {
            found["digits"]?.versions[number]?.created = nil
            expected["digits"]?.versions[number]?.created = nil
        }
        #expect(found == expected)
        #expect(fold.state.actions == whole.actions)
    }

    @Test func aNewerFormatLeavesTheStateAsItWas() throws {
        var fold = RegistryFold()
        fold.take(EventSamples.records(two))
        let before = fold.state
        let newer = KafkaRecord(
            topicPartition: TopicPartition(topic: "models", partition: 0), offset: 10,
            key: ArraySlice("version/digits/3".utf8), value: ArraySlice("{}".utf8),
            headers: [KafkaHeader(name: "millrace-format", text: "2")])
        let alias = EventSamples.record(EventSamples.event(EventSamples.alias("champion", 3)), at: 11)
        fold.take([newer])
        fold.take([alias])
        #expect(fold.state == before)
        #expect(
            fold.failure == .newerFormat(offset: 10, key: "version/digits/3", format: 2, supported: 1))
        // The same key, written again in a format that is known: the fold goes on where it stopped.
        fold.take([
            EventSamples.record(EventSamples.event(.versionCreated(EventSamples.version("digits", 3))), at: 12)
        ])
        #expect(fold.failure == nil)
        #expect(try number(fold.state, "digits") == 3)
        #expect(fold.state.nextOffset == 13)
    }

    @Test func repairedRecordsDoNotMatterToANewReader() {
        let damaged = KafkaRecord(
            topicPartition: TopicPartition(topic: "models", partition: 0), offset: 1,
            key: ArraySlice("version/digits/3".utf8), value: ArraySlice("garbage".utf8))
        let tombstone = KafkaRecord(
            topicPartition: TopicPartition(topic: "models", partition: 0), offset: 9,
            key: ArraySlice("version/digits/3".utf8), value: nil)
        var fold = RegistryFold()
        fold.take([damaged] + EventSamples.records(two).map { $0 } + [tombstone])
        #expect(fold.failure == nil)
        #expect(fold.state.models["digits"]?.versions.count == 2)
    }
}
