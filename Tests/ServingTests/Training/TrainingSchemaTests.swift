import Foundation
import JSONDocuments
import KafkaClient
import Serving
import TestSupport
import Testing
import Training

/// The published schemas of training records, their examples and the code agree.
@Suite struct TrainingSchemaTests {
    private typealias Document = JSONSchemaValidator.Document

    private func examples(_ prefix: String) throws -> [(name: String, json: [UInt8])] {
        let folder = JSONSchemaValidator.schemas.appendingPathComponent("examples")
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix(prefix + ".") && $0.pathExtension == "json" }
            .sorted { $0.path < $1.path }
            .map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
    }

    @Test func whatIsWrittenIsValid() throws {
        var documents: [Document] = []
        for (index, change) in TrainingRecordTests.changes.enumerated() {
            let event = TrainingEvent(job: "jobs/0/12", model: "points", time: 1_800_000_000_123, change)
            for bytes in [Int.max, 10] {
                let value = Array(event.record(topic: "e", source: "s", maximumBytes: bytes).value ?? [])
                documents.append(Document(schema: "training-event.schema.json", name: "event \(index)", json: value))
            }
        }
        let changes: [[String: JSONValue]] = [
            [:], ["evaluation": ["method": "k_fold", "folds": 3]], ["architecture": nil, "base": ["version": 3]],
        ]
        for change in changes {
            let request = TrainingFixtures.request(change)
            _ = try TrainingRequest(request)
            let task = TrainingTask(
                job: "j", fit: FitID(trial: 0, fold: 1), request: request, ranges: ResolvedRanges([0: 0..<9]),
                source: "s")
            documents.append(
                Document(schema: "training-task.schema.json", name: "task", json: task.json.serialized(.compact)))
        }
        #expect(try JSONSchemaValidator.violations(in: documents) == [])
    }

    @Test func examplesAreRead() throws {
        for example in try examples("training-request") {
            let json = try JSONValue(parsing: example.json)
            if case .object(let members) = json, members["cancel"] != nil { continue }
            #expect(throws: Never.self, "\(example.name)") { try TrainingRequest(json) }
        }
        for example in try examples("training-event") {
            let event = try TrainingEvent(example.json)
            let written = try JSONValue(parsing: event.json.serialized(.compact))
            let expected = try JSONValue(parsing: example.json)
            if case .object(let members) = written, case .object(let given) = expected {
                #expect(Set(given.keys).isSubset(of: members.keys), "\(example.name)")
            }
        }
        for example in try examples("training-task") { _ = try TrainingTask(example.json) }
    }

    @Test func invalidRecordsAreFound() throws {
        let violations = try JSONSchemaValidator.violations(in: [
            Document(
                schema: "training-request.schema.json", name: "no subject",
                json: Array(#"{"model": "m", "dataset": {}}"#.utf8)),
            Document(
                schema: "training-event.schema.json", name: "unknown code",
                json: Array(
                    #"{"job":"j","model":"m","event":"failed","time":"2026-01-01T00:00:00Z","code":"X","message":""}"#
                        .utf8)),
        ])
        #expect(violations.contains { $0.contains("no subject") })
        #expect(violations.contains { $0.contains("unknown code") })
    }
}
