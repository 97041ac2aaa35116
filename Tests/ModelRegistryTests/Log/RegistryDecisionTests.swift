import ModelRegistry
import Testing

/// What operators may do, decided on states without a broker.
@Suite struct RegistryDecisionTests {
    func state(_ changes: [RegistryEvent.Change]) -> RegistryState {
        var fold = RegistryFold()
        fold.take(EventSamples.records(changes))
        return fold.state
    }

    func created(_ numbers: ClosedRange<Int>) -> [RegistryEvent.Change] {
        numbers.map { .versionCreated(EventSamples.version("digits", $0)) }
    }

    func identity(_ number: Int) -> ModelVersion.Identity { .init(name: "digits", number: number) }

    @Test func creationTakesTheNextNumberOnly() throws {
        let state = state(created(1...2) + [.versionRetired(EventSamples.version("digits", 2), createdOffset: 2)])
        #expect(try state.creation(EventSamples.version("digits", 2), alias: nil).changes.isEmpty)
        let decision = try state.creation(EventSamples.version("digits", 3), alias: "champion")
        #expect(decision.outcome)
        #expect(
            decision.changes == [
                .versionCreated(EventSamples.version("digits", 3)), EventSamples.alias("champion", 3, previous: 1),
            ])
        #expect(throws: RegistryError.invalidAlias("7")) {
            try state.creation(EventSamples.version("digits", 3), alias: "7")
        }
    }

    @Test func promotionRemembersWhatTheAliasMeant() throws {
        let implied = try state(created(1...3)).promotion(identity(1))
        #expect(implied.changes == [EventSamples.alias("champion", 1, previous: 3)])
        // The champion that was implied is set: there is nothing to go back to.
        let set = try state(created(1...3)).promotion(identity(3))
        #expect(set.changes == [EventSamples.alias("champion", 3)])
        let again = try state(created(1...3) + [EventSamples.alias("champion", 1)]).promotion(identity(1))
        #expect(again.changes.isEmpty && !again.outcome.isChange)
    }

    @Test func promotionOfWhatIsNotThereIsRefused() throws {
        let state = state(created(1...2) + [.versionRetired(EventSamples.version("digits", 2), createdOffset: 2)])
        for number in [2, 7] {
            let reference = ModelReference(name: "digits", version: .number(number))
            #expect(throws: RegistryError.unknownVersion(reference, available: [1])) {
                try state.promotion(identity(number))
            }
        }
        #expect(throws: RegistryError.unknownModel("digit", nearest: "digits", knownCount: 1)) {
            try state.promotion(.init(name: "digit", number: 1))
        }
    }

    @Test func rollbackGoesBackAndForth() throws {
        var changes =
            created(1...2) + [EventSamples.alias("champion", 1), EventSamples.alias("champion", 2, previous: 1)]
        for expected in [1, 2, 1] {
            let decision = try state(changes).rollback("digits")
            #expect(decision.outcome.number == expected)
            changes += decision.changes
        }
    }

    @Test func rollbackWithoutAWayBackIsRefused() throws {
        let first = created(1...2) + [EventSamples.alias("champion", 1)]
        #expect(throws: RegistryRefusal.noPreviousHolder(model: "digits", alias: "champion")) {
            try state(first).rollback("digits")
        }
        #expect(throws: RegistryRefusal.noPreviousHolder(model: "digits", alias: "champion")) {
            try state(created(1...2)).rollback("digits")
        }
        let gone =
            first + [
                EventSamples.alias("champion", 2, previous: 1),
                .versionRetired(EventSamples.version("digits", 1), createdOffset: 0),
            ]
        #expect(throws: RegistryRefusal.previousHolderGone(model: "digits", alias: "champion", previous: 1)) {
            try state(gone).rollback("digits")
        }
        #expect(throws: RegistryError.self) { try state(first).rollback("digits", alias: "candidate") }
    }

    @Test func whatIsInUseIsNotRetired() throws {
        let changes =
            created(1...3) + [
                EventSamples.alias("champion", 3), EventSamples.alias("stable", 1),
                .trafficChanged(
                    model: "digits",
                    TrafficRule(canary: .init(number: 1, share: 1), shadow: .init(number: 2, topic: "s"))),
            ]
        #expect(throws: RegistryRefusal.inUse(identity(1), by: ["alias \"stable\"", "the canary"])) {
            try state(changes).retirement(identity(1))
        }
        #expect(throws: RegistryRefusal.inUse(identity(2), by: ["the shadow"])) {
            try state(changes).retirement(identity(2))
        }
        let free = state(changes + [.trafficChanged(model: "digits", nil)])
        #expect(
            try free.retirement(identity(2)).changes
                == [.versionRetired(EventSamples.version("digits", 2), createdOffset: 2)])
    }

    @Test func theImpliedChampionIsNotRetiredByAccident() throws {
        #expect(throws: RegistryRefusal.impliedChampion(identity(2), next: 1)) {
            try state(created(1...2)).retirement(identity(2))
        }
        // The last one moves nobody elsewhere.
        #expect(try state(created(1...1)).retirement(identity(1)).outcome)
        let retired = state(created(1...1) + [.versionRetired(EventSamples.version("digits", 1), createdOffset: 0)])
        let again = try retired.retirement(identity(1))
        #expect(again.changes.isEmpty && !again.outcome)
    }

    @Test func trafficGoesToOtherVersionsThatExist() throws {
        let state = state(created(1...3) + [EventSamples.alias("champion", 3)])
        func change(_ rule: TrafficRule) throws -> [RegistryEvent.Change] {
            try state.trafficChange("digits") { $0 = rule }.changes
        }
        let canary = TrafficRule(canary: .init(number: 1, share: 1000))
        #expect(try change(canary) == [.trafficChanged(model: "digits", canary)])
        #expect(throws: RegistryRefusal.self) { try change(TrafficRule(canary: .init(number: 3, share: 1000))) }
        #expect(throws: RegistryRefusal.self) { try change(TrafficRule(canary: .init(number: 1, share: 10_001))) }
        #expect(throws: RegistryRefusal.self) { try change(TrafficRule(shadow: .init(number: 3, topic: "t"))) }
        #expect(throws: RegistryError.self) { try change(TrafficRule(canary: .init(number: 9, share: 1))) }
        #expect(try change(TrafficRule()).isEmpty)
    }

    @Test func storesAreAdoptedOnceAndUnderTheirNumbers() {
        let records = [1, 2, 4].map { EventSamples.version("digits", $0) }
        let first = RegistryState().adoption(of: records)
        #expect(first.outcome.adopted.map(\.number) == [1, 2, 4])
        #expect(state(first.changes).adoption(of: records).changes.isEmpty)
        // A number that the registry has passed is not taken; one that means something else is said.
        let known = state(created(1...3))
        let second = known.adoption(of: [EventSamples.version("digits", 2, digest: "e"), records[2]])
        #expect(second.outcome.adopted.map(\.number) == [4])
        #expect(second.outcome.conflicts.map(\.identity.number) == [2])
        let gap = state([.versionCreated(EventSamples.version("digits", 5))]).adoption(of: records)
        #expect(gap.changes.isEmpty)
    }
}
