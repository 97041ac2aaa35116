import Foundation
import JSONDocuments
import KafkaClient
import ModelRegistry
import Serving
import TestSupport
import Testing
import Training

@Suite struct TrainingRecordTests {
    static let changes: [TrainingEvent.Change] = [
        .accepted(
            TrainingEvent.Acceptance(
                ranges: ResolvedRanges([0: 5..<10, 3: 0..<7]), folds: 4,
                base: TrainingEvent.Base(
                    identity: ModelVersion.Identity(name: "points", number: 2),
                    digest: String(repeating: "d", count: 64)),
                attempt: 2)),
        .accepted(TrainingEvent.Acceptance(ranges: nil, folds: 1)),
        .started(TrainingEvent.Start(fit: FitID(trial: 2, fold: 0), attempt: 3, instance: "one")),
        .released(FitID(trial: 2, fold: 0)),
        .released(nil),
        .progress(TrainingEvent.Progress(fit: FitID(trial: 0, fold: 2), epoch: 3, step: 40, steps: 100, loss: 0.25)),
        .progress(
            TrainingEvent.Progress(
                fit: FitID(trial: 0, fold: nil), epoch: 3, step: 40, steps: 100, loss: 0.5,
                history: EpochRecord(epoch: 2, loss: 0.5, learningRate: 0.1, validation: [.accuracy: 0.75]))),
        .evaluated(FitID(trial: 1, fold: 0), .report(TrainingFixtures.report(0.875))),
        .evaluated(FitID(trial: 1, fold: 1), .error("DIVERGED: the loss is nan")),
        .completed(
            TrainingEvent.Completion(
                version: 3, metrics: [.accuracy: 0.5], folds: [.accuracy: FoldSummary([0.25, 0.75])], promoted: true,
                promotion: ["alias": "champion"], weights: String(repeating: "a", count: 64),
                bundle: String(repeating: "b", count: 64), dataset: String(repeating: "c", count: 64),
                confusion: [[5, 1], [0, 4]])),
        .failed(TrainingFailure(.dataUnavailable, "topic \"rows\" does not exist")),
        .cancelled,
    ]

    @Test(arguments: changes.indices) func eventsAreReadBack(_ index: Int) throws {
        let event = TrainingEvent(job: "jobs/0/12", model: "points", time: 1_800_000_000_123, Self.changes[index])
        let record = event.record(topic: "events", source: "jobs/0/12")
        #expect(record.key.map { String(decoding: $0, as: UTF8.self) } == "jobs/0/12")
        #expect(record.headers.contains { $0.name == "millrace-source" })
        #expect(try TrainingEvent(record.value ?? []) == event)
    }

    @Test func membersOfLaterProgramsArePassedBy() throws {
        func grown(_ json: JSONValue) -> JSONValue {
            guard case .object(let members) = json else { return json }
            var grown = members.mapValues(grown)
            // These hold what their members are named after.
            if members["event"] != nil || members["rows"] != nil || members["epoch"] != nil || members["digest"] != nil
            {
                grown["later"] = ["member": 1]
            }
            if members["accuracy"] != nil { grown["later_metric"] = members["accuracy"] }
            return .object(grown)
        }
        for change in Self.changes {
            let event = TrainingEvent(job: "j", model: "m", time: 0, change)
            let later = grown(event.json)
            #expect(later != event.json)
            #expect(try TrainingEvent(later.serialized(.compact)) == event, "\(later)")
        }
    }

    @Test func tooLargeEventsAreShortened() throws {
        let event = TrainingEvent(job: "j", model: "m", time: 0, Self.changes[9])
        let value = try #require(event.record(topic: "events", source: "s", maximumBytes: 300).value)
        let json = JSONCursor(try JSONValue(parsing: Array(value)))
        #expect(try json.member("shortened").bool())
        #expect(try json.optionalMember("confusion") == nil)
        #expect(try TrainingEvent(value).isLast)
    }

    @Test func tasksAreReadBack() throws {
        for ranges in [ResolvedRanges([1: 2..<3]), nil] {
            let task = TrainingTask(
                job: "jobs/0/12", fit: FitID(trial: 0, fold: 1), request: TrainingFixtures.request(), ranges: ranges,
                source: "jobs/0/12")
            let record = task.record(topic: "tasks")
            #expect(record.key.map { String(decoding: $0, as: UTF8.self) } == "jobs/0/12/t0-f1")
            #expect(try TrainingTask(record.value ?? []) == task)
        }
        let error = #expect(throws: JSONError.self) { try TrainingTask(Array(#"{"job": "j", "fit": "f"}"#.utf8)) }
        #expect(error?.description.contains("fit") == true)
    }

    private func command(_ value: String?, headers: [KafkaHeader] = []) -> TrainingCommand {
        TrainingCommand(
            KafkaRecord(
                topicPartition: TrainingFixtures.partition, offset: 9, key: ArraySlice("digits".utf8),
                value: value.map { ArraySlice($0.utf8) }, headers: headers),
            maximumBytes: 64)
    }

    @Test func commandsAreRequestsOrCancellations() {
        #expect(command(#"{"cancel": "j"}"#).kind == .cancel)
        #expect(command(#"{"cancel": "j"}"#).job == "j")
        let plain = command(#"{"model": "digits"}"#)
        #expect(plain.kind == .request && plain.job == "jobs/2/9" && !plain.isNamed && plain.model == "digits")
        let named = command("{}", headers: [KafkaHeader(name: "Millrace-Job", text: "mine")])
        #expect(named.job == "mine" && named.isNamed)
        let long = command("{}", headers: [KafkaHeader(name: "millrace-job", text: String(repeating: "x", count: 300))])
        #expect(long.job == "jobs/2/9")
        #expect(command(nil).kind == .request && command(nil).value.isEmpty)
        let large = command(String(repeating: " ", count: 65))
        #expect(large.value.isEmpty && large.refusal?.contains("65 bytes") == true)
        // Both a request and a cancellation is neither.
        #expect(command(#"{"cancel": "j", "model": "m"}"#).kind == .request)
    }

    @Test func runIdentifiersFollowFromTheJob() throws {
        let id = OpenLineageEvent.runID("jobs/0/12")
        #expect(UUID(uuidString: id) != nil && id == OpenLineageEvent.runID("jobs/0/12"))
        #expect(id != OpenLineageEvent.runID("jobs/0/13"))
        #expect(Array(id)[14] == "8")
        let request = try TrainingRequest(TrainingFixtures.request())
        let settings = TrainingSettings(
            kafka: try KafkaConfiguration(bootstrapServers: "broker:9092,other:9092"), applicationID: "app",
            instanceID: "one", checkpointFolder: "/tmp")
        for (kind, type) in [
            (OpenLineageEvent.Kind.start, "START"), (.complete(.init(name: "points", number: 3)), "COMPLETE"),
            (.fail("why"), "FAIL"), (.abort, "ABORT"),
        ] {
            let json = JSONCursor(
                OpenLineageEvent(
                    kind, job: "j", time: 0, request: request, ranges: ResolvedRanges([0: 1..<2]), settings: settings
                ).json)
            #expect(try json.member("eventType").string() == type)
            let input = try json.member("inputs").elements()[0]
            #expect(try input.member("namespace").string() == "kafka://broker:9092")
            #expect(try input.member("name").string() == "rows")
            let output = try json.member("outputs").elements()[0]
            #expect(try output.member("name").string() == "models/points")
        }
    }
}
