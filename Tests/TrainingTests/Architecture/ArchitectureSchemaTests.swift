import Foundation
import JSONDocuments
import TestSupport
import Testing

@testable import Training

/// The published schema is the table's, and says of specifications what the parser says.
@Suite struct ArchitectureSchemaTests {
    private static let file = JSONSchemaValidator.schemas.appendingPathComponent("architecture.schema.json")

    /// To write the file after a change of the table: `MILLRACE_WRITE_SCHEMAS=1 swift test --filter ArchitectureSchemaTests`.
    @Test func fileIsTheTables() throws {
        let text = ArchitectureSchema.document.serialized(.indented) + [UInt8(ascii: "\n")]
        if ProcessInfo.processInfo.environment["MILLRACE_WRITE_SCHEMAS"] == "1" { try Data(text).write(to: Self.file) }
        let published = try JSONValue(parsing: [UInt8](try Data(contentsOf: Self.file)))
        #expect(published == ArchitectureSchema.document)
    }

    @Test func examplesAreBuilt() throws {
        for example in try JSONCursor(ArchitectureSchema.document).member("examples").elements() {
            let spec = try ArchitectureSpec(JSONCursor(example.value))
            #expect(try spec.build(seed: 1).parameterCount > 0)
            #expect(spec.json == example.value)
            #expect(try ArchitectureSpec(spec.json) == spec)
        }
    }

    @Test func specificationsAreValid() throws {
        let documents = try ArchitectureShapeTests.cases.map { test in
            let shape = test.input.map(String.init).joined(separator: ", ")
            let json = try JSONValue(json: "{\"input\": {\"shape\": [\(shape)]}, \"layers\": [\(test.layers)]}")
            return JSONSchemaValidator.Document(
                schema: "architecture.schema.json", name: test.layers, json: json.serialized())
        }
        let violations = try JSONSchemaValidator.violations(in: documents)
        #expect(violations == [], "\(violations)")
    }

    private static let badLayers = [
        #"{"type": "dense", "units": 0}"#, #"{"type": "dense", "unit": 3}"#, #"{"type": "dens", "units": 3}"#,
        #"{"type": "dropout", "rate": 1}"#, #"{"type": "concat", "branches": [[]]}"#,
        #"{"type": "residual", "layers": []}"#, #"{"type": "conv2d", "filters": 3, "kernel_size": [3, 3, 3]}"#,
        #"{"type": "dense", "units": 3, "kernel_initializer": {"type": "random_normal", "std": 1}}"#,
    ]

    @Test func badLayersAreInvalid() throws {
        let documents = try Self.badLayers.enumerated().map { index, layer in
            let json = try JSONValue(json: #"{"input": {"shape": [6]}, "layers": [\#(layer)]}"#)
            #expect(throws: JSONError.self, "\(layer)") { _ = try ArchitectureSpec(json) }
            return JSONSchemaValidator.Document(
                schema: "architecture.schema.json", name: "layer \(index)", json: json.serialized())
        }
        let violations = try JSONSchemaValidator.violations(in: documents)
        for document in documents {
            #expect(violations.contains { $0.hasPrefix("\(document.name): ") }, "\(document.name) is valid")
        }
    }
}
