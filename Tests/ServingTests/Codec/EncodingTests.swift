import Serving
import TensorEngine
import Testing

@Suite struct EncodingTests {
    private func response() throws -> InferenceResponse {
        InferenceResponse(
            modelName: "dig\"its", modelVersion: 3, id: "r-1",
            outputs: [
                NamedTensor(name: "p", tensor: try Tensor(shape: [2, 2], elements: [0.75, 0.25, 1, 0.1] as [Float])),
                NamedTensor(name: "label", tensor: try Tensor(shape: [2], elements: [0, -7] as [Int64])),
                NamedTensor(name: "ok", tensor: try Tensor(shape: [], elements: [true])),
                NamedTensor(name: "none", tensor: Tensor(zeros: .float64, shape: [0, 3])),
            ])
    }

    @Test func exactJSON() throws {
        let message = try codec.encode(response(), as: .json)
        #expect(message.contentType == "application/json")
        #expect(message.headers.isEmpty)
        #expect(
            text(message)
                == #"{"model_name":"dig\"its","model_version":"3","id":"r-1","outputs":["#
                + #"{"name":"p","datatype":"FP32","shape":[2,2],"data":[0.75,0.25,1.0,0.1]},"#
                + #"{"name":"label","datatype":"INT64","shape":[2],"data":[0,-7]},"#
                + #"{"name":"ok","datatype":"BOOL","shape":[],"data":[true]},"#
                + #"{"name":"none","datatype":"FP64","shape":[0,3],"data":[]}]}"#)
    }

    @Test func exactBinary() throws {
        let message = try codec.encode(
            response(), as: .jsonWithBinary(.init(byDefault: false, byName: ["label": true])))
        let json =
            #"{"model_name":"dig\"its","model_version":"3","id":"r-1","outputs":["#
            + #"{"name":"p","datatype":"FP32","shape":[2,2],"data":[0.75,0.25,1.0,0.1]},"#
            + #"{"name":"label","datatype":"INT64","shape":[2],"parameters":{"binary_data_size":16}},"#
            + #"{"name":"ok","datatype":"BOOL","shape":[],"data":[true]},"#
            + #"{"name":"none","datatype":"FP64","shape":[0,3],"data":[]}]}"#
        let raw: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
        #expect(message.value == Array(json.utf8) + raw)
        #expect(message.contentType == "application/octet-stream")
        #expect(message.headers.map(\.name) == ["inference-header-content-length"])
        #expect(message.headers.map(\.value) == [Array(String(json.utf8.count).utf8)])
    }

    @Test func exactError() {
        let error = RequestError(.invalidInput, "inputs[0].data: found \"\u{1}\"", requestID: "r-1")
        let message = codec.encode(error)
        #expect(message.contentType == "application/json")
        #expect(
            text(message)
                == #"{"id":"r-1","error":{"code":"INVALID_INPUT","message":"inputs[0].data: found \"\u0001\""}}"#)
        #expect(
            text(codec.encode(RequestError(.overloaded, "x")))
                == #"{"error":{"code":"OVERLOADED","message":"x"}}"#)
    }

    @Test(arguments: [ResponseEncoding.json, .jsonWithBinary(.init(byDefault: true))])
    func oversizeResponsesAreErrors(encoding: ResponseEncoding) throws {
        var limits = RequestLimits()
        let size = try RequestCodec(limits: limits).encode(response(), as: encoding).value.count
        limits.maximumResponseBytes = size
        _ = try RequestCodec(limits: limits).encode(response(), as: encoding)
        limits.maximumResponseBytes = size - 1
        let error = #expect(throws: RequestError.self) {
            try RequestCodec(limits: limits).encode(response(), as: encoding)
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.message == "response: found \(size) bytes, expected at most \(size - 1)")
        #expect(error?.requestID == "r-1" && error?.isAttributable == true)
    }

    @Test func hopelesslyLargeResponsesAreRefusedUnwritten() throws {
        let tensor = Tensor(zeros: .float32, shape: [10_000_000])
        let response = InferenceResponse(modelName: "m", modelVersion: 1, outputs: [.init(name: "y", tensor: tensor)])
        let error = #expect(throws: RequestError.self) { try codec.encode(response, as: .json) }
        #expect(error?.message == "response: found at least 20000000 bytes, expected at most 16777216")
    }
}
