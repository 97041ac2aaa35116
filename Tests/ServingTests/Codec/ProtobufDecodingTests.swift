import Foundation
import JSONDocuments
import ModelRegistry
import Serving
import SwiftProtobuf
import TensorEngine
import TestSupport
import Testing

/// `ModelInferRequest` and `ModelInferResponse` as Python's protobuf package writes them.
@Suite struct ProtobufDecodingTests {
    private func fixtures(_ member: String) throws -> [JSONCursor] {
        let data = try Data(contentsOf: URL(filePath: Fixtures.protobuf + "/messages.json"))
        return try JSONCursor(JSONValue(parsing: Array(data))).member(member).elements()
    }

    private func bytes(hexadecimal cursor: JSONCursor) throws -> [UInt8] {
        let digits = try Array(cursor.string().utf8)
        return try stride(from: 0, to: digits.count, by: 2).map {
            try #require(UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16))
        }
    }

    private func tensor(_ cursor: JSONCursor) throws -> NamedTensor {
        let datatype = try #require(Datatype(rawValue: try cursor.member("datatype").string()))
        let shape = try Shape(try cursor.member("shape").elements().map { Int(try $0.integer()) })
        let raw = try bytes(hexadecimal: try cursor.member("bytes"))
        let tensor = try raw.withUnsafeBytes { try Tensor(datatype.elementType, shape: shape, bytes: $0) }
        return NamedTensor(name: try cursor.member("name").string(), tensor: tensor)
    }

    @Test func readsWhatPythonWrites() throws {
        let cases = try fixtures("requests")
        #expect(cases.count == 5)
        for one in cases {
            let name = try one.member("name").string()
            let request = try decode(try bytes(hexadecimal: try one.member("message")), protobufHeaders)
            let id = try one.member("id").string()
            #expect(request.id == (id.isEmpty ? nil : id), "\(name)")
            #expect(request.model?.name ?? "" == (try one.member("model_name").string()), "\(name)")
            let version = try one.member("model_version").string()
            if !version.isEmpty { #expect(request.model?.version == VersionSelector(parsing: version), "\(name)") }
            #expect(request.encoding == .protobuf(raw: try one.member("raw").bool()), "\(name)")
            let outputs = try one.member("outputs").elements().map { try $0.string() }
            #expect(request.requestedOutputs?.map(\.name) ?? [] == outputs, "\(name)")
            let expected = try one.member("inputs").elements().map(tensor)
            #expect(request.inputs.map(\.name) == expected.map(\.name), "\(name)")
            for (found, expected) in zip(request.inputs, expected) {
                #expect(found.datatype == expected.datatype, "\(name): \(found.name)")
                #expect(found.tensor.shape == expected.tensor.shape, "\(name): \(found.name)")
                #expect(rawBytes(found) == rawBytes(expected), "\(name): \(found.name)")
            }
        }
        let every = try decode(try bytes(hexadecimal: try cases[0].member("message")), protobufHeaders)
        #expect(
            every.parameters == [
                "temperature": 0.5, "top": -3, "tag": "é", "dry": true, "large": .real(0x1p63), "small": 4,
            ])
    }

    @Test func writesTheBytesThatPythonWrites() throws {
        for one in try fixtures("responses") {
            let response = InferenceResponse(
                modelName: try one.member("model_name").string(),
                modelVersion: Int(try one.member("model_version").integer()), id: try one.member("id").string(),
                outputs: try one.member("outputs").elements().map(tensor))
            let message = try codec.encode(response, as: .protobuf(raw: try one.member("raw").bool()))
            #expect(message.contentType == "application/x-protobuf")
            #expect(message.headers.isEmpty)
            #expect(message.value == (try bytes(hexadecimal: try one.member("message"))))
        }
    }

    @Test func halfPrecisionOutputsMakeTheWholeResponseRaw() throws {
        let response = InferenceResponse(
            modelName: "m", modelVersion: nil,
            outputs: [
                NamedTensor(name: "a", tensor: Tensor(zeros: .float32, shape: [1])),
                NamedTensor(name: "h", tensor: Tensor(zeros: .float16, shape: [2])),
            ])
        let message = try Inference_ModelInferResponse(
            serializedBytes: try codec.encode(response, as: .protobuf(raw: false)).value)
        #expect(message.rawOutputContents.map(\.count) == [4, 4])
        #expect(message.outputs.allSatisfy { !$0.hasContents })
        #expect(message.modelVersion.isEmpty && message.id.isEmpty)
    }

    @Test(arguments: [false, true])
    func oversizeResponsesAreErrors(raw: Bool) throws {
        let response = InferenceResponse(
            modelName: "m", modelVersion: 1, id: "r",
            outputs: [NamedTensor(name: "y", tensor: Tensor(zeros: .float32, shape: [1000]))])
        var limits = RequestLimits()
        let size = try codec.encode(response, as: .protobuf(raw: raw)).value.count
        for (limit, found) in [(size - 1, "\(size)"), (3999, "at least 4000")] {
            limits.maximumResponseBytes = limit
            let error = #expect(throws: RequestError.self) {
                try RequestCodec(limits: limits).encode(response, as: .protobuf(raw: raw))
            }
            #expect(error?.description == "TOO_LARGE: response: found \(found) bytes, expected at most \(limit)")
            #expect(error?.requestID == "r")
        }
        limits.maximumResponseBytes = size
        #expect(throws: Never.self) { try RequestCodec(limits: limits).encode(response, as: .protobuf(raw: raw)) }
    }

    @Test(arguments: [
        "application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf",
        "Application/X-Protobuf; messageType=inference.ModelInferRequest",
    ])
    func contentTypesOfProtobuf(contentType: String) throws {
        let bytes = try ProtobufRequest.one("INT8", [1], raw: [7]).bytes
        #expect(try decode(bytes, ["content-type": contentType]).encoding == .protobuf(raw: true))
    }

    @Test func headersComeBeforeTheMessage() throws {
        var request = ProtobufRequest.one("INT8", [1], raw: [7])
        request.modelName = "b"
        request.modelVersion = "4"
        func model(_ added: [String: String]) throws -> String? {
            var headers = protobufHeaders
            for (name, value) in added { headers.fields[name] = Array(value.utf8) }
            return try decode(try request.bytes, headers).model?.description
        }
        #expect(try model([:]) == "b@4")
        #expect(try model(["millrace-version": "canary"]) == "b@canary")
        #expect(try model(["mlserver-model": "m"]) == "m@champion")
        #expect(try model(["millrace-model": "h", "millrace-version": "2"]) == "h@2")
        // Says nothing of protobuf.
        #expect(try model(["inference-header-content-length": "nonsense"]) == "b@4")
        var headers = protobufHeaders
        headers.fields["ce_expirytime"] = Array("1970-01-01T00:00:01Z".utf8)
        #expect(try decode(try request.bytes, headers).deadline == 1000)
    }

    @Test func fieldsMayComeInAnyOrder() throws {
        var tail = ProtobufRequest()
        tail.id = "late"
        var request = ProtobufRequest.one("INT16", [1], raw: [1, 2])
        request.id = ""
        var raw = ProtobufRequest()
        swap(&raw.rawInputContents, &request.rawInputContents)
        // An unknown field 100 of type varint, and one of each other type.
        let unknown: [UInt8] = [0xA0, 0x06, 1, 0xA2, 0x06, 1, 9, 0xA5, 0x06, 0, 0, 0, 0]
        let bytes = try raw.bytes + unknown + request.bytes + tail.bytes
        let read = try decode(bytes, protobufHeaders)
        #expect(read.id == "late")
        #expect(try read.inputs[0].tensor.elements(as: Int16.self) == [0x0201])
    }
}

private func rawBytes(_ tensor: NamedTensor) -> [UInt8] { tensor.tensor.withBytes { Array($0) } }
