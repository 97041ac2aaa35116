import FoundationEssentials
import Serving
import SwiftProtobuf
import Testing

/// Bytes that are no `ModelInferRequest` that can be served, and what the answer says about them.
@Suite struct BadProtobufTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var request: ProtobufRequest
        var code: RequestErrorCode
        var message: String
        var testDescription: String { message }

        init(_ code: RequestErrorCode, _ message: String, _ request: ProtobufRequest) {
            self.request = request
            self.code = code
            self.message = message
        }

        /// A variation of a request that is fine.
        init(_ code: RequestErrorCode, _ message: String, change: (inout ProtobufRequest) -> Void) {
            var request = ProtobufRequest.one("INT8", [1]) { $0.intContents = [1] }
            change(&request)
            self.init(code, message, request)
        }
    }

    static let cases = [
        Case(.malformedRequest, "inputs: found none, expected at least one input") { $0.inputs = [] },
        Case(.malformedRequest, "inputs[0].name: missing") { $0.inputs[0].name = "" },
        Case(.tooLarge, "inputs[0].name: found 257 bytes, expected at most 256") {
            $0.inputs[0].name = String(repeating: "n", count: 257)
        },
        Case(.malformedRequest, "inputs[0].datatype: missing") { $0.inputs[0].datatype = "" },
        Case(.invalidInput, "inputs[1].name: found \"x\" a second time") { $0.inputs.append($0.inputs[0]) },
        Case(.invalidInput, "inputs[0].shape[1]: found -3, expected an extent ≥ 0") { $0.inputs[0].shape = [1, -3] },
        Case(
            .invalidInput, "inputs[0].shape [4294967296, 4294967296]: the number of elements overflows"
        ) { $0.inputs[0].shape = [1 << 32, 1 << 32] },
        Case(
            .tooLarge,
            "inputs[0].shape: [1000000000000] has 1000000000000 elements, expected at most 16777216 in all inputs together"
        ) { $0.inputs[0].shape = [1_000_000_000_000] },
        Case(.tooLarge, "inputs[0].shape: found more than 8 dimensions") {
            $0.inputs[0].shape = [Int64](repeating: 1, count: 9)
        },
        Case(.malformedRequest, "inputs[0].contents: missing") { $0.inputs[0].clearContents() },
        Case(
            .invalidInput, "inputs[0].contents.fp32_contents: found 63 numbers, expected 64 for shape [1, 64]",
            .one("FP32", [1, 64]) { $0.fp32Contents = [Float](repeating: 0, count: 63) }),
        Case(
            .invalidInput, "inputs[0].contents.int_contents[1]: found 300, expected an integer in -128...127",
            .one("INT8", [2]) { $0.intContents = [1, 300] }),
        Case(
            .invalidInput, "inputs[0].contents.int_contents[0]: found -32769, expected an integer in -32768...32767",
            .one("INT16", [2]) { $0.intContents = [-32769, 70_000] }),
        Case(
            .invalidInput, "inputs[0].contents.uint_contents[0]: found 256, expected an integer in 0...255",
            .one("UINT8", [1]) { $0.uintContents = [256] }),
        Case(
            .invalidInput, "inputs[0].contents.uint_contents[0]: found 65536, expected an integer in 0...65535",
            .one("UINT16", [1]) { $0.uintContents = [65536] }),
        Case(
            .invalidInput,
            "inputs[0].contents.int_contents: found 1 elements, expected none: FP32 is in fp32_contents",
            .one("FP32", [1]) { $0.intContents = [1] }),
        Case(
            .invalidInput,
            "inputs[0].contents.fp64_contents: found 2 elements, expected none: INT64 is in int64_contents",
            .one("INT64", [1]) {
                $0.int64Contents = [1]; $0.fp64Contents = [1, 2]
            }),
        Case(
            .invalidInput, "inputs[0].contents: FP16 has no typed contents, expected raw_input_contents",
            .one("FP16", [1]) { $0.fp32Contents = [1] }),
        Case(
            .invalidInput, "inputs[0].contents: BF16 has no typed contents, expected raw_input_contents",
            .one("BF16", [1])),
        Case(
            .invalidInput, "inputs[0].contents.bytes_contents: found 1 strings, expected 2 for shape [2]",
            .one("BYTES", [2]) { $0.bytesContents = [.init([0x61])] }),
        Case(
            .invalidInput, "inputs[0].contents.bytes_contents[1]: not UTF-8",
            .one("BYTES", [2]) { $0.bytesContents = [.init([0x61]), .init([0xFF])] }),
        Case(
            .invalidInput,
            "inputs[0].contents.int_contents: found 1 elements, expected none: BYTES is in bytes_contents",
            .one("BYTES", [1]) { $0.intContents = [1] }),
        Case(.malformedRequest, "raw_input_contents[0]: 3 bytes are left over", .one("BYTES", [1], raw: [1, 0, 0])),
        Case(
            .malformedRequest, "raw_input_contents[0]: string 0 has 4294967295 bytes, found 1",
            .one("BYTES", [1], raw: [0xFF, 0xFF, 0xFF, 0xFF, 0x61])),
        Case(
            .invalidInput, "raw_input_contents[0]: found 1 strings, expected 2 for shape [2]",
            .one("BYTES", [2], raw: [1, 0, 0, 0, 0x61])),
        Case(
            .malformedRequest,
            "inputs[0].contents.int_contents: found 1 elements, expected none besides raw_input_contents",
            .one("INT8", [1], raw: [1]) { $0.intContents = [1] }),
        Case(
            .malformedRequest, "raw_input_contents: found 2 elements, expected 1, one for each input",
            { () -> ProtobufRequest in
                var request = ProtobufRequest.one("INT8", [1], raw: [1])
                request.rawInputContents.append(.init())
                return request
            }()),
        Case(
            .invalidInput, "raw_input_contents[0]: found 6 bytes, expected 4 for INT16 [2]",
            .one("INT16", [2], raw: [0, 0, 0, 0, 0, 0])),
        Case(
            .invalidInput, "raw_input_contents[0]: found byte 2 at offset 1 of BOOL data, expected 0 or 1",
            .one("BOOL", [2], raw: [1, 2])),
        Case(.malformedRequest, "outputs[0].name: missing") { $0.outputs = [.init()] },
        Case(.invalidInput, "outputs[1].name: found \"y\" a second time") {
            $0.outputs = [.with { $0.name = "y" }, .with { $0.name = "y" }]
        },
        Case(.malformedRequest, "model_version: found without a model, expected model_name as well") {
            $0.modelVersion = "3"
        },
        Case(.tooLarge, "model_name: found 257 bytes, expected at most 256") {
            $0.modelName = String(repeating: "m", count: 257)
        },
        Case(.tooLarge, "parameters: a name of 257 bytes, expected at most 256") {
            $0.parameters[String(repeating: "p", count: 257)] = .with { $0.boolParam = true }
        },
        Case(.tooLarge, "parameters.\"p\": found 4097 bytes, expected at most 4096") {
            $0.parameters["p"] = .with { $0.stringParam = String(repeating: "v", count: 4097) }
        },
        Case(.tooLarge, "parameters: found more than 64 members") {
            for index in 0...64 { $0.parameters["\(index)"] = .with { $0.boolParam = true } }
        },
        Case(.tooLarge, "inputs[0].parameters: found more than 64 members") {
            for index in 0...64 { $0.inputs[0].parameters["\(index)"] = .with { $0.boolParam = true } }
        },
        Case(.tooLarge, "outputs[0].parameters: found more than 64 members") {
            $0.outputs = [.init()]
            for index in 0...64 { $0.outputs[0].parameters["\(index)"] = .with { $0.boolParam = true } }
        },
        Case(.tooLarge, "inputs: found more than 64 elements") { $0.inputs = .init(repeating: .init(), count: 65) },
        Case(.tooLarge, "outputs: found more than 64 elements") { $0.outputs = .init(repeating: .init(), count: 65) },
        Case(.tooLarge, "raw_input_contents: found more than 64 elements") {
            $0.rawInputContents = .init(repeating: .init(), count: 65)
        },
    ]

    @Test(arguments: cases)
    func isAttributed(to bad: Case) throws {
        let error = try failure(bad.request)
        #expect(error?.message == bad.message)
        #expect(error?.code == bad.code)
        #expect(error?.requestID == "r")
        #expect(error?.isAttributable == true)
        #expect(error?.encoding == .protobuf(raw: !bad.request.rawInputContents.isEmpty))
    }

    @Test func errorsAreJSON() throws {
        let error = try #require(try failure(.one("INT8", [1])))
        let message = codec.encode(error)
        #expect(message.contentType == "application/json")
        #expect(
            text(message)
                == #"{"id":"r","error":{"code":"MALFORMED_REQUEST","message":"inputs[0].contents: missing"}}"#)
    }

    @Test(arguments: ["FP33", "fp32", "bytes"])
    func unknownDatatypesAreUnsupported(name: String) throws {
        let error = try failure(.one(name, [1]) { $0.fp32Contents = [1] })
        #expect(error?.code == .unsupportedDatatype)
        #expect(error?.message.hasPrefix("inputs[0].datatype: found \"\(name)\", expected one of BOOL, UINT8") == true)
    }

    @Test(arguments: [
        // A length beyond the end, a varint that does not end, one of eleven bytes, field number 0, a group, wire type 6.
        [0x2A, 0x05, 0x01], [0x08], [0x08, 0x80], [0x08] + [UInt8](repeating: 0x80, count: 10) + [0x01], [0x00, 0x01],
        [0x0B, 0x0C], [0x0E, 0x01], Array("hello".utf8), Array(#"{"id":"r","inputs":[]}"#.utf8),
        // An id that is not UTF-8; a fixed32 array of three bytes; a packed varint cut off.
        [0x1A, 0x01, 0xFF], [0x2A, 0x07, 0x2A, 0x05, 0x32, 0x03, 1, 2, 3], [0x2A, 0x05, 0x2A, 0x03, 0x12, 0x01, 0x80],
        // The length 2^64 - 1.
        [0x2A] + [UInt8](repeating: 0xFF, count: 9) + [0x01],
    ])
    func nothingDecodableIsUnattributable(bytes: [UInt8]) {
        // Behind a readable id, which must not be believed.
        for bytes in [bytes, [0x1A, 0x01, 0x72] + bytes] {
            let error = failure(bytes, protobufHeaders)
            #expect(error?.code == .malformedRequest)
            #expect(error?.message.hasPrefix("value: not a ModelInferRequest: ") == true, "\(error?.message ?? "")")
            #expect(error?.requestID == nil)
            #expect(error?.isAttributable == false)
        }
    }

    @Test func longIDsAreRefusedButAttributed() throws {
        var request = ProtobufRequest.one("INT8", [1], raw: [1])
        request.id = String(repeating: "i", count: 257)
        let error = try failure(request)
        #expect(error?.message == "id: found 257 bytes, expected at most 256")
        #expect(error?.requestID == nil && error?.isAttributable == true)
    }

    /// A few bytes on the wire are hundreds in memory, or quadratic work: refused before they are decoded.
    @Test func repetitionIsRefusedUndecoded() throws {
        let empty = [UInt8](repeatElement([0x2A, 0], count: 4_000_000).joined())
        #expect(failure(empty, protobufHeaders)?.message == "inputs: found more than 64 elements")
        let contents: [UInt8] = [0x2A, 0x0A, 0x2A, 0x03, 0x12, 0x01, 0x01, 0x2A, 0x03, 0x12, 0x01, 0x01]
        let error = failure(contents, protobufHeaders)
        #expect(error?.description == "MALFORMED_REQUEST: inputs[0].contents: found twice, expected once")
        #expect(error?.isAttributable == true)
    }

    @Test func largeMessagesAreRefusedUnread() {
        let error = failure([UInt8](repeating: 0x2A, count: 20_000_000), protobufHeaders)
        #expect(error?.message == "value: found 20000000 bytes, expected at most 16777216")
        #expect(error?.isAttributable == false)
    }

    @Test func aHugeShapeWithFewNumbersAllocatesNothing() throws {
        let error = try failure(.one("FP32", [4096, 4096]) { $0.fp32Contents = [1] })
        #expect(
            error?.message
                == "inputs[0].contents.fp32_contents: found 1 numbers, expected 16777216 for shape [4096, 4096]")
    }

    @Test func elementsOfAllInputsCountTogether() throws {
        var limits = RequestLimits()
        limits.maximumElements = 3
        var request = ProtobufRequest.one("INT8", [2]) { $0.intContents = [1, 2] }
        request.inputs.append(request.inputs[0])
        request.inputs[1].name = "y"
        let error = try failure(request, limits: limits)
        #expect(
            error?.message == "inputs[1].shape: [2] has 2 elements, expected at most 3 in all inputs together")
    }
}
