import Foundation
import JSONDocuments
import TestSupport
import Testing

@testable import Training

/// The examples of the documentation are read by the code that they document, and are valid by the published schema.
@Suite struct DocumentationTests {
    struct Example: Sendable, CustomTestStringConvertible {
        /// The page and the line that the block begins at.
        let place: String
        let members: [String: JSONValue]

        var testDescription: String { place }
        var isWholeRequest: Bool { members["model"] != nil }

        /// The request, or one around the members that are shown.
        var request: JSONValue {
            guard !isWholeRequest else { return .object(members) }
            var request = RequestExamples.members
            if members["base"] != nil { request["architecture"] = nil }
            return .object(request.merging(members) { _, shown in shown })
        }
    }

    /// The objects among a page's blocks of JSON.
    private static func examples(_ page: String) throws -> [Example] {
        let text = try String(contentsOfFile: "\(Fixtures.root)/docs/\(page)", encoding: .utf8)
        var examples: [Example] = []
        var block: (line: Int, text: String)?
        for (index, line) in text.components(separatedBy: "\n").enumerated() {
            if line == "```json" {
                block = (index + 1, "")
            } else if line == "```", let (start, text) = block {
                let place = "\(page): line \(start)"
                let json: JSONValue
                do { json = try JSONValue(json: text) } catch {
                    Issue.record("\(place): \(error)")
                    continue
                }
                if case .object(let members) = json { examples.append(Example(place: place, members: members)) }
                block = nil
            } else if let open = block {
                block = (open.line, open.text + line + "\n")
            }
        }
        return examples
    }

    /// On the page of jobs only whole requests are requests; on that of requests every block is.
    private static func all() throws -> [Example] {
        try examples("training-request.md") + examples("training.md").filter(\.isWholeRequest)
    }

    /// Members that have examples of their own.
    private static let shown = ["augmentation", "base", "dataset", "preprocessing", "promotion", "search"]

    @Test func examplesAreFound() throws {
        let examples = try Self.all()
        #expect(examples.count(where: \.isWholeRequest) >= 8)
        let parts = Set(examples.filter { !$0.isWholeRequest }.flatMap(\.members.keys))
        #expect(parts == Set(Self.shown))
    }

    @Test func examplesAreRequests() throws {
        for example in try Self.all() {
            #expect(throws: Never.self, "\(example.place)") { try TrainingRequest(example.request) }
        }
    }

    @Test func anUnknownMemberIsNoRequest() throws {
        for example in try Self.all() {
            for name in example.members.keys {
                guard case .object(var inner)? = example.members[name] else { continue }
                if name == "architecture" || name == "dataset" || name == "preprocessing" {
                    inner["mispelt"] = 1
                    var members = example.members
                    members[name] = .object(inner)
                    let changed = Example(place: example.place, members: members)
                    #expect(throws: JSONError.self, "\(example.place): \(name)") {
                        try TrainingRequest(changed.request)
                    }
                }
            }
            let changed = Example(
                place: example.place, members: example.members.merging(["mispelt": 1]) { _, new in new })
            #expect(throws: JSONError.self, "\(example.place)") { try TrainingRequest(changed.request) }
        }
    }

    @Test func examplesAreValid() throws {
        let documents = try Self.all().map { example in
            JSONSchemaValidator.Document(
                schema: "training-request.schema.json", name: example.place, json: example.request.serialized())
        }
        let violations = try JSONSchemaValidator.violations(in: documents)
        #expect(violations == [], "\(violations)")
    }
}
