import Testing

@testable import ModelRegistry

/// The lifecycle's state machine, driven by hand: a model is the number that a test gives it.
@Suite struct VersionTableTests {
    typealias Table = VersionTable<Int>

    /// A registry's story, one event an offset.
    struct Story {
        private(set) var state = RegistryState()
        private var offset: Int64 = 0

        mutating func add(_ change: RegistryEvent.Change) {
            state.apply(RegistryEvent(change, time: 0, operatorName: "test"), offset: offset)
            offset += 1
        }

        mutating func create(_ numbers: Int..., of model: String = "m") {
            for number in numbers { add(.versionCreated(Self.record(model, number))) }
        }

        mutating func promote(_ number: Int, of model: String = "m", alias: String = "champion") {
            add(.aliasSet(model: model, alias: alias, number: number, previous: nil))
        }

        static func record(_ model: String, _ number: Int) -> VersionRecord {
            VersionRecord(
                identity: .init(name: model, number: number), digest: "d\(number)", weightsSHA256: "w",
                graphSHA256: "g")
        }
    }

    let now = ContinuousClock.now

    func id(_ number: Int, _ model: String = "m") -> ModelVersion.Identity { .init(name: model, number: number) }

    /// The numbers to load and those that were released, in order.
    func summary(_ actions: [Table.Action]) -> [String] {
        actions.map {
            switch $0 {
            case .load(let version): "load \(version.identity)"
            case .released(let identity, _): "release \(identity)"
            }
        }
    }

    func champion(_ table: Table, _ model: String = "m") -> Int? {
        table.inForce[ModelReference(name: model)]?.version.identity.number
    }

    @Test func referenceMovesOnWhenTheNewVersionIsLoaded() {
        var story = Story()
        story.create(1)
        var table = Table()
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["load m@1"])
        #expect(summary(table.loaded(id(1), 10, bytes: 1, releases: true)) == [])
        #expect(champion(table) == 1)
        story.create(2)
        story.promote(2)
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["load m@2"])
        // Not yet: the old one answers, with the offset that made it live.
        #expect(champion(table) == 1)
        #expect(table.inForce[ModelReference(name: "m")]?.activation == 0)
        #expect(summary(table.loaded(id(2), 20, bytes: 1, releases: true)) == ["release m@1"])
        #expect(champion(table) == 2)
        #expect(table.inForce[ModelReference(name: "m")]?.activation == 2)
        #expect(table.model(id(1)) == nil)
    }

    @Test func failureKeepsTheOldVersionAndIsTriedAgainLater() {
        var story = Story()
        story.create(1)
        var table = Table()
        _ = table.follow(ServingPlan(story.state), loads: true, now: now)
        _ = table.loaded(id(1), 10, bytes: 1, releases: true)
        story.create(2)
        _ = table.follow(ServingPlan(story.state), loads: true, now: now)
        table.failed(id(2), reason: "damaged", now: now)
        #expect(champion(table) == 1)
        #expect(table.model(id(1)) == 10)
        // Another event soon after does not hammer the store.
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now + .seconds(1))) == [])
        guard case .failed("damaged", _) = table.demand(Story.record("m", 2).version, now: now).phase else {
            Issue.record("expected a failed phase")
            return
        }
        let later = now + Table.retryPause
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: later)) == ["load m@2"])
        #expect(summary(table.loaded(id(2), 20, bytes: 1, releases: true)) == ["release m@1"])
        #expect(champion(table) == 2)
    }

    @Test func rollbackGoesTheSameWayBack() {
        var story = Story()
        story.create(1, 2)
        story.promote(2)
        var table = Table()
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["load m@2"])
        _ = table.loaded(id(2), 20, bytes: 1, releases: true)
        story.promote(1)
        // `latest` still means 2, so that 2 stays.
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["load m@1"])
        #expect(champion(table) == 2)
        #expect(summary(table.loaded(id(1), 10, bytes: 1, releases: true)) == [])
        #expect(champion(table) == 1)
        #expect(table.inForce[ModelReference(parsing: "m@latest")]?.version.identity.number == 2)
    }

    @Test func promotionsFasterThanLoadsEndAtTheLast() {
        var story = Story()
        story.create(1)
        var table = Table()
        _ = table.follow(ServingPlan(story.state), loads: true, now: now)
        _ = table.loaded(id(1), 10, bytes: 1, releases: true)
        story.create(2)
        story.promote(2)
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["load m@2"])
        story.create(3)
        story.promote(3)
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["load m@3"])
        // The overtaken one arrives first: nothing means it any more.
        #expect(summary(table.loaded(id(2), 20, bytes: 1, releases: true)) == ["release m@2"])
        #expect(champion(table) == 1)
        #expect(summary(table.loaded(id(3), 30, bytes: 1, releases: true)) == ["release m@1"])
        #expect(champion(table) == 3)
    }

    @Test func canaryIsInForceOnceLoadedAndEndsAtOnce() {
        var story = Story()
        story.create(1, 2)
        story.promote(1)
        var table = Table()
        let preload = ServingPlan.Preload.only([ModelReference(name: "m")])
        _ = table.follow(ServingPlan(story.state, preload: preload), loads: true, now: now)
        _ = table.loaded(id(1), 10, bytes: 1, releases: true)
        let rule = TrafficRule(canary: .init(number: 2, share: 1000))
        story.add(.trafficChanged(model: "m", rule))
        #expect(
            summary(table.follow(ServingPlan(story.state, preload: preload), loads: true, now: now)) == ["load m@2"])
        #expect(table.traffic["m"] == nil)
        _ = table.loaded(id(2), 20, bytes: 1, releases: true)
        #expect(table.traffic["m"]?.rule == rule)
        #expect(table.traffic["m"]?.activation == 3)
        story.add(.trafficChanged(model: "m", nil))
        let actions = table.follow(ServingPlan(story.state, preload: preload), loads: true, now: now)
        #expect(table.traffic["m"] == nil)
        // `latest` is not preloaded, but in force while it is loaded.
        #expect(summary(actions) == [])
    }

    @Test func retiredVersionsGo() {
        var story = Story()
        story.create(1, 2)
        var table = Table()
        _ = table.follow(ServingPlan(story.state), loads: true, now: now)
        _ = table.loaded(id(2), 20, bytes: 1, releases: true)
        #expect(summary(table.demand(Story.record("m", 1).version, now: now).actions) == ["load m@1"])
        _ = table.loaded(id(1), 10, bytes: 1, releases: true)
        // Asked for by its number: it stays until it is retired.
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == [])
        story.add(.versionRetired(Story.record("m", 1), createdOffset: 0))
        #expect(summary(table.follow(ServingPlan(story.state), loads: true, now: now)) == ["release m@1"])
    }

    @Test func leastRecentlyUsedMakesRoomAndComesBackWhenAskedFor() {
        var story = Story()
        for model in ["a", "b", "c"] { story.create(1, of: model) }
        var table = Table(budget: 20)
        _ = table.follow(ServingPlan(story.state), loads: true, now: now)
        _ = table.loaded(id(1, "a"), 1, bytes: 10, releases: true)
        _ = table.loaded(id(1, "b"), 2, bytes: 10, releases: true)
        table.use(id(1, "b"))
        table.use(id(1, "a"))
        #expect(summary(table.loaded(id(1, "c"), 3, bytes: 10, releases: true)) == ["release b@1"])
        #expect(table.bytes == 20)
        // What made room is not loaded again by the next event,
        story.create(2, of: "x")
        #expect(!summary(table.follow(ServingPlan(story.state), loads: true, now: now)).contains("load b@1"))
        // but by the next request, and then the least recently used one goes in its turn.
        #expect(summary(table.demand(Story.record("b", 1).version, now: now).actions) == ["load b@1"])
        #expect(summary(table.demand(Story.record("b", 1).version, now: now).actions) == [])
        table.use(id(1, "a"))
        #expect(summary(table.reserve(10, for: id(1, "b"))) == ["release c@1"])
        #expect(summary(table.loaded(id(1, "b"), 2, bytes: 10, releases: true)) == [])
        #expect(table.bytes == 20)
    }

    /// Any order of events and loads ends with every reference at what the registry says.
    @Test(arguments: 0..<50) func everyOrderConverges(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        var story = Story()
        story.create(1)
        var table = Table(budget: seed % 2 == 0 ? nil : 3)
        var loading: [ModelVersion] = []
        func note(_ actions: [Table.Action]) {
            for case .load(let version) in actions { loading.append(version) }
        }
        for _ in 0..<40 {
            switch random.next() % 5 {
            case 0: story.create((story.state.models["m"]?.nextNumber) ?? 1)
            case 1:
                let highest = (story.state.models["m"]?.nextNumber ?? 2) - 1
                story.promote(Int(random.next() % UInt64(highest)) + 1)
            case 2 where !loading.isEmpty:
                let version = loading.remove(at: Int(random.next() % UInt64(loading.count)))
                note(table.loaded(version.identity, version.identity.number, bytes: 1, releases: true))
            default: break
            }
            note(table.follow(ServingPlan(story.state), loads: true, now: now))
            // Whatever is in force answers, or is on its way.
            for target in table.inForce.values {
                switch table.phases[target.version.identity] {
                case .loaded?, .loading?, .evicted?: continue
                default: Issue.record("\(target.version.identity) is in force and absent")
                }
            }
        }
        while let version = loading.popLast() {
            note(table.loaded(version.identity, version.identity.number, bytes: 1, releases: true))
        }
        #expect(champion(table) == story.state.models["m"]?.champion)
        #expect(table.bytes <= 3)
    }
}

private struct SeededGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
