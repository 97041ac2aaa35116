import Serving
import TensorEngine
import TestSupport
import Testing

/// The binary tensor data extension of the Open Inference Protocol V2.
@Suite struct BinaryTensorTests {
    private func body(_ size: Int, _ datatype: String = "INT16", _ shape: String = "[2]") -> String {
        #"{"id":"r","inputs":[{"name":"x","shape":\#(shape),"datatype":"\#(datatype)","parameters":{"binary_data_size":\#(size)}}]}"#
    }

    @Test(arguments: [nil, "application/octet-stream", "application/json"])
    func readsRawTensorsAndJSONTogether(contentType: String?) throws {
        let json = #"""
            {"inputs":[{"name":"a","shape":[2],"datatype":"INT16","parameters":{"binary_data_size":4}},
              {"name":"b","shape":[1],"datatype":"FP32","data":[1.5]},
              {"name":"c","shape":[2,1],"datatype":"FP32","parameters":{"binary_data_size":8}}],
             "parameters":{"binary_data_output":true},"outputs":[{"name":"y","parameters":{"binary_data":false}},{"name":"z"}]}
            """#
        let (value, headers) = withBinary(
            json, [1, 0, 0xFF, 0xFF, 0, 0, 0x80, 0x3F, 1, 0, 0xC0, 0x7F], contentType: contentType)
        let request = try decode(value, headers)
        #expect(try request.inputs[0].tensor.elements(as: Int16.self) == [1, -1])
        #expect(try request.inputs[1].tensor.elements(as: Float.self) == [1.5])
        // NaN keeps its payload.
        #expect(try request.inputs[2].tensor.elements(as: Float.self).map(\.bitPattern) == [0x3F80_0000, 0x7FC0_0001])
        #expect(request.encoding == .jsonWithBinary(.init(byDefault: true, byName: ["y": false, "z": true])))
        #expect(request.requestedOutputs == [.init(name: "y", binary: false), .init(name: "z", binary: true)])
    }

    @Test func oneBinaryOutputIsEnough() throws {
        let json =
            #"{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1]}],"outputs":[{"name":"y","parameters":{"binary_data":true}},{"name":"z"}]}"#
        #expect(
            try decode(json).encoding == .jsonWithBinary(.init(byDefault: false, byName: ["y": true, "z": false])))
    }

    @Test func sizesMustAgree() {
        func error(_ json: String, _ tail: [UInt8]) -> String? {
            let (value, headers) = withBinary(json, tail)
            let error = failure(value, headers)
            #expect(error?.requestID == "r" && error?.isAttributable == true)
            return error?.description
        }
        let path = "inputs[0].parameters.binary_data_size"
        #expect(error(body(6), [0, 0, 0, 0, 0, 0]) == "INVALID_INPUT: \(path): found 6, expected 4 for INT16 [2]")
        #expect(
            error(body(4), [0, 0, 0])
                == "MALFORMED_REQUEST: \(path): found 4, but only 3 bytes are left behind the JSON")
        #expect(
            error(body(4), [0, 0, 0, 0, 0])
                == "MALFORMED_REQUEST: value: found 1 bytes behind the last binary tensor, expected none")
        #expect(error(body(-4), [0, 0, 0, 0]) == "MALFORMED_REQUEST: \(path): found -4, expected a number of bytes")
        #expect(
            error(body(8, "FP64", "[9223372036854775807]"), [])?.hasPrefix("TOO_LARGE: inputs[0].shape") == true)
        #expect(
            error(oneInput("INT8", "[1]", "[1]"), [1])
                == "MALFORMED_REQUEST: value: found 1 bytes behind the last binary tensor, expected none")
        let both =
            #"{"id":"r","inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1],"parameters":{"binary_data_size":1}}]}"#
        #expect(
            error(both, [1])
                == "MALFORMED_REQUEST: inputs[0]: found data and parameters.binary_data_size, expected one of them")
    }

    @Test func binaryNeedsItsHeader() {
        let error = failure(body(4), ["content-type": "application/json"])
        #expect(
            error?.message
                == "inputs[0].parameters.binary_data_size: found without header inference-header-content-length")
    }

    @Test(arguments: ["0", "-1", "1000000", "abc", "", "1e2", "+5", "99999999999999999999", "٣"])
    func headerLengthMustBePlausible(length: String) {
        // Without the content type, 0 would be a raw body.
        let error = failure(
            oneInput("INT8", "[1]", "[1]"),
            ["inference-header-content-length": length, "content-type": "application/json"])
        #expect(error?.code == .malformedRequest)
        #expect(error?.message.hasPrefix("header inference-header-content-length: found ") == true)
        #expect(error?.isAttributable == false)
    }

    @Test func aHeaderLengthThatCutsTheJSONIsMalformed() {
        let text = oneInput("INT8", "[1]", "[1]")
        let error = failure(text, ["inference-header-content-length": String(text.utf8.count - 1)])
        #expect(error?.message.hasPrefix("value: not JSON") == true)
    }

    @Test func rawBooleansAreZeroOrOne() throws {
        let json = body(3, "BOOL", "[3]")
        let (value, headers) = withBinary(json, [1, 0, 1])
        #expect(try decode(value, headers).inputs[0].tensor.elements(as: Bool.self) == [true, false, true])
        let (bad, badHeaders) = withBinary(json, [1, 2, 1])
        #expect(
            failure(bad, badHeaders)?.message
                == "inputs[0]: found byte 2 at offset 1 of BOOL data, expected 0 or 1")
    }

    @Test func emptyRawTensors() throws {
        let (value, headers) = withBinary(body(0, "FP32", "[0, 4]"), [])
        #expect(try decode(value, headers).inputs[0].tensor.shape == [0, 4])
    }

    @Test(arguments: Datatype.numbers)
    func everyDatatypeRoundTrips(datatype: Datatype) throws {
        var random = SplitMix64(state: 3)
        let shape: Shape = [3, 5]
        let raw = (0..<(15 * datatype.elementType.byteCount)).map { _ in
            UInt8(truncatingIfNeeded: random.next()) & (datatype == .bool ? 1 : 0xFF)
        }
        let tensor = try raw.withUnsafeBytes { try Tensor(datatype.elementType, shape: shape, bytes: $0) }
        let response = InferenceResponse(
            modelName: "m", modelVersion: 1, outputs: [NamedTensor(name: "x", tensor: tensor)])
        let message = try codec.encode(response, as: .jsonWithBinary(.init(byDefault: true)))
        #expect(message.contentType == "application/octet-stream")
        #expect(message.headers.map(\.name) == ["inference-header-content-length"])
        // The outputs of a response have the members of inputs of a request.
        let length = try #require(Int(String(decoding: message.headers[0].value, as: UTF8.self)))
        let json = String(decoding: message.value[..<length], as: UTF8.self).replacing("outputs", with: "inputs")
        let (value, headers) = withBinary(
            json.replacing(#""model_version":"1""#, with: #""model_version":1"#), Array(message.value[length...]))
        let read = try decode(value, headers)
        #expect(read.inputs[0].datatype == datatype)
        #expect(read.inputs[0].tensor.shape == shape)
        #expect(bytes(of: read.inputs[0].tensor) == raw)
    }
}
