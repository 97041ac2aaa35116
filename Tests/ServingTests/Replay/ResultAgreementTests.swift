import KafkaClient
import TensorEngine
import Testing

@testable import Serving

/// Results are compared by what they say, whatever encoding they are in.
@Suite struct ResultAgreementTests {
    private func tensors(_ outputs: [NamedTensor], _ encoding: ResponseEncoding = .json) throws -> ResultTensors? {
        let response = InferenceResponse(modelName: "m", modelVersion: 1, outputs: outputs)
        let message = try RequestCodec().encode(response, as: encoding)
        let headers =
            [KafkaHeader(HeaderName.contentType, message.contentType)]
            + message.headers.map { KafkaHeader($0.0, String(decoding: $0.1, as: UTF8.self)) }
        return ResultTensors(message.value[...], headers)
    }

    private func floats(_ rows: [[Float]], name: String = "p") throws -> NamedTensor {
        NamedTensor(
            name: name, tensor: try Tensor(shape: Shape([rows.count, rows[0].count]), elements: rows.flatMap { $0 }))
    }

    private func agreement(_ own: [NamedTensor], _ recorded: [NamedTensor]) throws -> ResultAgreement {
        var found = ResultAgreement()
        found.count(try tensors(own), recorded: try #require(try tensors(recorded)))
        return found
    }

    @Test(arguments: [
        ResponseEncoding.json, .jsonWithBinary(.init(byDefault: true)), .protobuf(raw: true), .protobuf(raw: false),
        .rawBody,
    ])
    func `every encoding holds the same numbers`(_ encoding: ResponseEncoding) throws {
        let output = try floats([[1, -0.5, 3e-8], [.nan, .infinity, 16_777_216]])
        let found = try #require(try tensors([output], encoding)?.outputs.first)
        #expect(found.name == "p" && found.datatype == .fp32 && found.shape == [2, 3])
        #expect(found.elements.prefix(3) == [1, -0.5, Double(Float(3e-8))])
        #expect(found.elements[3].isNaN && found.elements[4] == .infinity && found.elements[5] == 16_777_216)
    }

    @Test(arguments: [ResponseEncoding.json, .protobuf(raw: true), .protobuf(raw: false), .rawBody])
    func `integers and flags are numbers too`(_ encoding: ResponseEncoding) throws {
        let integers = NamedTensor(name: "i", tensor: try Tensor(shape: Shape([3]), elements: [-1, 0, 127] as [Int8]))
        #expect(try tensors([integers], encoding)?.outputs.first?.elements == [-1, 0, 127])
        let flags = NamedTensor(name: "b", tensor: try Tensor(shape: Shape([2]), elements: [true, false]))
        #expect(try tensors([flags], encoding)?.outputs.first?.elements == [1, 0])
    }

    @Test func `classes agree where the largest element is at the same place`() throws {
        let found = try agreement(
            [try floats([[0.1, 0.9], [0.6, 0.4], [0.2, 0.8]])], [try floats([[0.4, 0.6], [0.4, 0.6], [0.1, 0.9]])])
        #expect(found.rows == 3 && found.agreeing == 2 && found.failed == 0)
        #expect(abs(found.largestDifference - 0.3) < 1e-6)
    }

    @Test func `single numbers agree within one percent`() throws {
        let found = try agreement(
            [try floats([[100.9], [102], [0.009], [0.02], [.nan]])], [try floats([[100], [100], [0], [0], [.nan]])])
        #expect(found.rows == 5 && found.agreeing == 3)
        #expect(try agreement([try floats([[.nan]])], [try floats([[1]])]).largestDifference == .infinity)
    }

    @Test func `a row agrees only when all its outputs do`() throws {
        func label(_ values: [Int64]) throws -> NamedTensor {
            NamedTensor(name: "label", tensor: try Tensor(shape: Shape([values.count]), elements: values))
        }
        let found = try agreement(
            [try label([1, 2]), try floats([[1, 0], [1, 0]])], [try label([1, 3]), try floats([[1, 0], [1, 0]])])
        #expect(found.rows == 2 && found.agreeing == 1 && found.largestDifference == 0)
    }

    @Test func `other outputs count as failed`() throws {
        let recorded = try floats([[1, 0], [0, 1]])
        for own in [try floats([[1, 0]]), try floats([[1, 0], [0, 1]], name: "q"), try floats([[1], [0]])] {
            let found = try agreement([own], [recorded])
            #expect(found.rows == 2 && found.agreeing == 0 && found.failed == 1 && found.share == 0)
        }
    }

    @Test(arguments: [
        "", "{", "[]", #"{"error":{"code":"X","message":"m"}}"#, #"{"outputs":[]}"#,
        #"{"outputs":[{"name":"p","datatype":"FP32","shape":[2],"data":[1]}]}"#,
        #"{"outputs":[{"name":"p","datatype":"FP32","shape":[-1],"data":[]}]}"#,
        #"{"outputs":[{"name":"p","datatype":"FP32","shape":[9223372036854775807,9],"data":[1]}]}"#,
        #"{"outputs":[{"name":"p","datatype":"WHAT","shape":[1],"data":[1]}]}"#,
        #"{"outputs":[{"name":"p","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}"#,
    ])
    func `what is no result holds no outputs`(_ text: String) {
        #expect(ResultTensors(Array(text.utf8)[...], []) == nil)
        let isProtobuf = [KafkaHeader(HeaderName.contentType, MediaType.protobuf)]
        #expect(ResultTensors(Array(text.utf8)[...], isProtobuf) == nil)
    }
}
