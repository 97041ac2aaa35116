import Foundation
import JSONDocuments
import Serving
import TensorEngine
import TestSupport
import Testing

/// The published schemas, their examples and what the codec reads and writes agree.
@Suite struct SchemaTests {
    private typealias Document = JSONSchemaValidator.Document

    private func examples(_ prefix: String) throws -> [(name: String, json: [UInt8])] {
        let folder = JSONSchemaValidator.schemas.appendingPathComponent("examples")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix(prefix + ".") && $0.pathExtension == "json" }
            .sorted { $0.path < $1.path }
        #expect(files.count >= 2)
        return try files.map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
    }

    @Test func examplesAndEncoderOutputsAreValid() throws {
        var documents: [Document] = []
        for kind in ["inference-request", "inference-response", "error"] {
            documents += try examples(kind).map {
                Document(schema: "\(kind).schema.json", name: $0.name, json: $0.json)
            }
        }
        for datatype in Datatype.allCases {
            let special = [Float.nan, .infinity, -.infinity, .leastNonzeroMagnitude]
            let tensor =
                datatype == .fp32
                ? try Tensor(shape: [2, 2], elements: special) : Tensor(zeros: datatype.elementType, shape: [2, 2])
            let response = InferenceResponse(
                modelName: "m", modelVersion: 12, id: datatype == .bool ? nil : "é\"\u{1}",
                outputs: [.init(name: "y", tensor: tensor), .init(name: "z", tensor: tensor)])
            let json = try codec.encode(response, as: .json)
            let binary = try codec.encode(response, as: .jsonWithBinary(.init(byDefault: false, byName: ["z": true])))
            let length = try #require(Int(String(decoding: binary.headers[0].value, as: UTF8.self)))
            for (name, value) in [("JSON", json.value), ("binary", Array(binary.value[..<length]))] {
                documents.append(
                    Document(schema: "inference-response.schema.json", name: "\(datatype) \(name)", json: value))
            }
        }
        for code in RequestErrorCode.allCases {
            for id in ["r", nil] {
                let value = codec.encode(RequestError(code, "why", requestID: id)).value
                documents.append(Document(schema: "error.schema.json", name: code.rawValue, json: value))
            }
        }
        #expect(try JSONSchemaValidator.violations(in: documents) == [])
    }

    @Test func invalidDocumentsAreFound() throws {
        let violations = try JSONSchemaValidator.violations(in: [
            Document(schema: "inference-request.schema.json", name: "no inputs", json: Array(#"{"id":"r"}"#.utf8)),
            Document(
                schema: "inference-request.schema.json", name: "bytes",
                json: Array(oneInput("BYTES", "[1]", "[1]").utf8)),
            Document(
                schema: "inference-request.schema.json", name: "negative",
                json: Array(oneInput("FP32", "[-1]", "[1]").utf8)),
            Document(
                schema: "error.schema.json", name: "code", json: Array(#"{"error":{"code":"X","message":"m"}}"#.utf8)),
            Document(schema: "error.schema.json", name: "token", json: Array("NaN".utf8)),
        ])
        #expect(violations.map { $0.prefix { $0 != ":" } } == ["no inputs", "bytes", "negative", "code", "token"])
    }

    @Test func theDecoderReadsEveryRequestExample() throws {
        for (name, json) in try examples("inference-request") {
            let size = try JSONCursor(JSONValue(parsing: json)).member("inputs").elements().reduce(0) { sum, input in
                let parameters = try input.optionalMember("parameters")
                return try sum + (parameters?.optionalMember("binary_data_size")?.integer() ?? 0)
            }
            let headers: TestHeaders = size == 0 ? [:] : ["inference-header-content-length": String(json.count)]
            let request = try decode(json + [UInt8](repeating: 0, count: size), headers)
            #expect(request.id != nil && request.model != nil, "\(name)")
        }
    }
}
