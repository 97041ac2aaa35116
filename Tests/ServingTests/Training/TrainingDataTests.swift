import Foundation
import JSONDocuments
import ModelRegistry
import Serving
import TestSupport
import Testing
import Training

@Suite struct RangeResolutionTests {
    private func range(_ changes: [String: JSONValue]) throws -> TopicRange {
        var dataset: [String: JSONValue] = [
            "topic": "rows",
            "schema": ["features": ["shape": [2]], "label": ["name": "label", "kind": "class_index", "count": 2]],
        ]
        for (name, value) in changes { dataset[name] = value }
        let request = try TrainingRequest(TrainingFixtures.request(["dataset": .object(dataset)]))
        guard case .topic(let range) = request.dataset.source else { throw TrainingFailure(.internal, "no topic") }
        return range
    }

    private let partitions: [Int32: RangeResolution.Partition] = [
        0: .init(kept: 10..<100, start: 40, end: 60), 1: .init(kept: 0..<50, start: nil, end: nil),
        2: .init(kept: 5..<5),
    ]

    private func resolve(_ changes: [String: JSONValue], rows: Int = 1000) throws -> [Int32: Range<Int64>] {
        try RangeResolution(range(changes), partitions).resolve(maximumRows: rows).partitions
    }

    @Test func boundsBecomeOffsets() throws {
        #expect(try resolve([:]) == [0: 10..<100, 1: 0..<50])
        #expect(try resolve(["partitions": [1]]) == [1: 0..<50])
        #expect(
            try resolve(["from": ["offsets": ["0": 20]], "to": ["offsets": ["0": 30, "1": 7]]]) == [
                0: 20..<30, 1: 0..<7,
            ])
        let time: JSONValue = ["time": "2026-01-31T12:00:00Z"]
        // Partition 1 has nothing at or after that time.
        #expect(try resolve(["from": time]) == [0: 40..<100])
        #expect(try resolve(["to": time]) == [0: 10..<60, 1: 0..<50])
    }

    private static let refused: [(changes: [String: JSONValue], message: String)] = [
        (["from": ["offsets": ["0": 3]]], "retention has deleted those before 10"),
        (["to": ["offsets": ["1": 51]]], "the log ends at 50"), (["partitions": [2]], "no records in the range"),
        (["partitions": [3]], "there is no partition 3"), (["from": ["offsets": ["7": 1]]], "there is no partition 7"),
        (["from": "latest"], "no records in the range"),
    ]

    @Test(arguments: refused.indices) func whatIsNotThereIsRefused(_ index: Int) throws {
        let (changes, message) = Self.refused[index]
        let error = #expect(throws: TrainingFailure.self) { try resolve(changes) }
        #expect(
            error?.code == .dataUnavailable && error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test func tooManyRowsAreRefused() throws {
        let error = #expect(throws: TrainingFailure.self) { try resolve([:], rows: 60) }
        #expect(error?.message.contains("140 offsets, at most 60 rows") == true)
    }
}

@Suite struct DataFolderTests {
    @Test func pathsStayInTheFolder() throws {
        let (folder, outside) = (try TemporaryFolder(), try TemporaryFolder())
        try Data("x".utf8).write(to: URL(filePath: folder.path + "/rows.csv"))
        try Data("x".utf8).write(to: URL(filePath: outside.path + "/secret.csv"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link.csv", withDestinationPath: outside.path + "/secret.csv")
        let data = DataFolder(folder.path)
        #expect(try data.path(of: "rows.csv").hasSuffix("/rows.csv"))
        #expect(try data.path(of: "./rows.csv").hasSuffix("/rows.csv"))
        let name = URL(filePath: outside.path).lastPathComponent
        for path in ["link.csv", "../\(name)/secret.csv", outside.path + "/secret.csv", "", "rows\0.csv"] {
            let error = #expect(throws: TrainingFailure.self, "\(path)") { try data.path(of: path) }
            #expect(error?.code == .invalidRequest, "\(path)")
        }
        #expect(throws: TrainingFailure.self) { try data.path(of: "absent.csv") }
        let off = #expect(throws: TrainingFailure.self) { try DataFolder(nil).path(of: "rows.csv") }
        #expect(off?.message.contains("training.data-folder") == true)
    }
}

@Suite struct PromotionCandidateTests {
    private func state(_ count: Int, champion: Int?) -> RegistryState {
        var state = RegistryState()
        for number in 1...max(count, 1) where count > 0 {
            let record = VersionRecord(
                identity: .init(name: "points", number: number), digest: String(repeating: "a", count: 64),
                weightsSHA256: String(repeating: "b", count: 64), graphSHA256: String(repeating: "c", count: 64))
            state.apply(RegistryEvent(.versionCreated(record), time: 0, operatorName: "t"), offset: Int64(number))
        }
        if let champion {
            let change = RegistryEvent.Change.aliasSet(
                model: "points", alias: "champion", number: champion, previous: nil)
            state.apply(RegistryEvent(change, time: 0, operatorName: "t"), offset: 100)
        }
        return state
    }

    private func rule(_ promotion: JSONValue) throws -> PromotionRule? {
        try TrainingRequest(TrainingFixtures.request(["promotion": promotion])).promotion
    }

    private let comparing: JSONValue = ["if": ["metric": "accuracy", "at_least": "champion"]]

    @Test func theIncumbentIsJudgedOnce() throws {
        var candidate = PromotionCandidate(try rule(comparing), metrics: [.accuracy: 0.8])
        let before = state(2, champion: 1)
        let version = try #require(candidate.unjudgedIncumbent(before, "points"))
        #expect(version.identity.number == 1)
        candidate.judge(version, [TrainingFixtures.report(0.7), TrainingFixtures.report(0.8)])
        #expect(candidate.isPromoted && candidate.unjudgedIncumbent(before, "points") == nil)
        #expect(candidate.isStillAgainst(before.models["points"]))
        // Somebody promotes another one meanwhile.
        let after = state(2, champion: 2)
        #expect(!candidate.isStillAgainst(after.models["points"]))
        #expect(candidate.unjudgedIncumbent(after, "points")?.identity.number == 2)
        candidate.judge(try #require(candidate.unjudgedIncumbent(after, "points")), [TrainingFixtures.report(0.9)])
        #expect(!candidate.isPromoted)
        candidate.judge(version, failed: "takes other rows")
        #expect(!candidate.isPromoted)
    }

    /// A version of the same rows and folds is compared by fits that had not seen what they were judged by.
    @Test func theIncumbentsOwnFoldsCount() throws {
        let evaluation: JSONValue = ["method": "k_fold", "folds": 2]
        let changes: [String: JSONValue] = ["evaluation": evaluation, "seed": 4, "promotion": comparing]
        let request = try TrainingRequest(TrainingFixtures.request(changes))
        func lineage(_ changes: [String: JSONValue]) -> JSONValue {
            var members: [String: JSONValue] = [
                "dataset": ["digest": "d"], "seed": 4, "request": ["evaluation": evaluation],
                "folds": ["accuracy": ["values": [0.5, 0.75]], "later": ["values": [1]]],
            ]
            for (name, value) in changes { members[name] = value }
            return .object(members)
        }
        let found = VersionLineage.folds(lineage([:]), of: request, digest: "d")
        #expect(found == [.accuracy: FoldSummary([0.5, 0.75])])
        #expect(VersionLineage.folds(nil, of: request, digest: "d") == nil)
        #expect(VersionLineage.folds(lineage([:]), of: request, digest: "e") == nil)
        #expect(VersionLineage.folds(lineage(["seed": 5]), of: request, digest: "d") == nil)
        let other: JSONValue = ["evaluation": ["method": "k_fold", "folds": 3]]
        #expect(VersionLineage.folds(lineage(["request": other]), of: request, digest: "d") == nil)
        var candidate = PromotionCandidate(request.promotion, metrics: [.accuracy: 0.6])
        let version = try #require(candidate.unjudgedIncumbent(state(1, champion: 1), "points"))
        candidate.judge(version, try #require(found))
        #expect(!candidate.isPromoted)
    }

    @Test func versionsThatAreNotPromotedDoNotServe() throws {
        let identity = ModelVersion.Identity(name: "points", number: 3)
        let refused = PromotionCandidate(
            try rule(["if": ["metric": "accuracy", "at_least": 0.9]]), metrics: [.accuracy: 0.8])
        #expect(!refused.isPromoted)
        #expect(
            refused.pins(state(2, champion: nil).models["points"], identity)
                == [.aliasSet(model: "points", alias: "champion", number: 2, previous: nil)])
        #expect(refused.pins(state(2, champion: 1).models["points"], identity) == [])
        #expect(refused.pins(nil, identity) == [], "a model's first version serves")
        let promoted = PromotionCandidate(try rule(["alias": "champion"]), metrics: [:])
        #expect(promoted.isPromoted && promoted.pins(state(2, champion: nil).models["points"], identity) == [])
        let canary = PromotionCandidate(try rule(["alias": "canary"]), metrics: [:])
        #expect(canary.isPromoted && canary.pins(state(2, champion: nil).models["points"], identity).count == 1)
        let silent = PromotionCandidate(nil, metrics: [:])
        #expect(!silent.isPromoted && silent.json == nil)
    }
}
