import ModelFormats
import SwiftProtobuf
import TensorEngine
import TestSupport
import Testing

@testable import Serving

/// `BYTES` as inputs and outputs of models of strings.
@Suite struct StringCodecTests {
    private let texts = ["grün", "", "a\"\\\n\u{0}", "\u{1F33C}"]
    private let inputs = [
        ValueInfo(name: "colour", elementType: .string, dimensions: [.batch, .fixed(2)]),
        ValueInfo(name: "weight", elementType: .float32, dimensions: [.batch]),
    ]
    private let outputs = [ValueInfo(name: "label", elementType: .string, dimensions: [.batch])]

    private func match(_ value: [UInt8], _ headers: TestHeaders = [:]) throws -> SignatureMatch {
        let request = try decode(value, headers).tokenized(by: nil, for: inputs)
        return try SignatureMatch(request, inputs: inputs, outputs: outputs)
    }

    private func json(_ data: String, shape: String = "[2,2]", name: String = "colour") -> [UInt8] {
        Array(
            #"{"inputs":[{"name":"\#(name)","datatype":"BYTES","shape":\#(shape),"data":\#(data)},"#.utf8)
            + Array(#"{"name":"weight","datatype":"FP32","shape":[2],"data":[1,2]}]}"#.utf8)
    }

    private func raw(_ texts: [String]) -> [UInt8] {
        texts.flatMap { text in
            let count = UInt32(text.utf8.count)
            return (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(text.utf8)
        }
    }

    @Test(arguments: [
        #"["grün","","a\"\\\n\u0000","🌼"]"#, #"[["grün",""],["a\"\\\n\u0000","🌼"]]"#,
    ])
    func readsStringsFlatAndNested(_ data: String) throws {
        let match = try match(json(data))
        #expect(match.inputs[0].shape == [2, 2] && match.inputs[0].strings == texts)
        #expect(match.isBatched && match.rowCount == 2 && match.bytesPerRow > 4)
    }

    @Test func readsRawStrings() throws {
        let tail = raw(texts)
        let head =
            #"{"inputs":[{"name":"weight","datatype":"FP32","shape":[2],"data":[1,2]},"#
            + #"{"name":"colour","datatype":"BYTES","shape":[2,2],"parameters":{"binary_data_size":\#(tail.count)}}]}"#
        let (value, headers) = withBinary(head, tail)
        #expect(try match(value, headers).inputs[0].strings == texts)
    }

    @Test func readsProtobuf() throws {
        for isRaw in [true, false] {
            var request = ProtobufRequest.one("BYTES", [2, 2], raw: isRaw ? raw(texts) : nil) {
                if !isRaw { $0.bytesContents = texts.map { .init($0.utf8) } }
            }
            request.inputs[0].name = "colour"
            let read = try decode(try request.bytes, protobufHeaders)
            #expect(read.texts.map(\.name) == ["colour"] && read.texts[0].shape == [2, 2] && read.inputs.isEmpty)
            #expect(read.texts[0].values == texts)
        }
    }

    @Test(arguments: [
        (#"[["a"],["b","c","d"]]"#, "[2,2]", "inputs[0].data[0]"), (#"[["a","b"],"c","d"]"#, "[2,2]", "inputs[0].data"),
        (#"[["a","b","c","d"]]"#, "[2,2]", "inputs[0].data"),
        (#"[[["a","b","c","d"]]]"#, "[2,2]", "an array of strings"),
        (#"["a","b","c"]"#, "[2,2]", "found 3 strings, expected 4"),
        (#"["a","b","c",4]"#, "[2,2]", "inputs[0].data[3]"),
        (#"["a","b"]"#, "[2]", "[batch, 2]"), (#"["a","b","c","d"]"#, "[4611686018427387904,2]", "shape"),
    ])
    func namesWhatIsWrong(_ data: String, _ shape: String, mentions: String) throws {
        let error = #expect(throws: RequestError.self) { try match(json(data, shape: shape)) }
        #expect(error?.message.contains(mentions) == true, "\(error as Any)")
    }

    @Test func strangersAreRefused() throws {
        let unknown = #expect(throws: RequestError.self) { try match(json(#"["a","b","c","d"]"#, name: "size")) }
        #expect(unknown?.code == .invalidInput && unknown?.message.contains("\"colour\" is missing") == true)
        let body = #"{"inputs":[{"name":"colour","datatype":"FP32","shape":[1,2],"data":[1,2]}]}"#
        let numbers = #expect(throws: RequestError.self) { try match(Array(body.utf8)) }
        #expect(numbers?.message.contains("found FP32, expected BYTES") == true)
    }

    private var response: InferenceResponse {
        get throws {
            InferenceResponse(
                modelName: "m", modelVersion: 1,
                outputs: [NamedTensor(name: "label", tensor: try Tensor(shape: [2, 2], strings: texts))])
        }
    }

    @Test func writesStringsInEveryEncoding() throws {
        let codec = RequestCodec(limits: .init())
        let plain = String(decoding: try codec.encode(response, as: .json).value, as: UTF8.self)
        #expect(
            plain.contains(
                #"{"name":"label","datatype":"BYTES","shape":[2,2],"data":["grün","","a\"\\\n\u0000","🌼"]}"#),
            "\(plain)")
        let binary = try codec.encode(response, as: .jsonWithBinary(.init(byDefault: true)))
        #expect(binary.value.suffix(raw(texts).count).elementsEqual(raw(texts)))
        #expect(String(decoding: binary.value, as: UTF8.self).contains(#""binary_data_size":\#(raw(texts).count)"#))
        let body = try codec.encode(response, as: .rawBody)
        #expect(body.value == raw(texts))
        for isRaw in [true, false] {
            let message = try Inference_ModelInferResponse(
                serializedBytes: codec.encode(response, as: .protobuf(raw: isRaw)).value)
            #expect(message.outputs[0].datatype == "BYTES")
            if isRaw {
                #expect(message.rawOutputContents.map { Array($0) } == [raw(texts)])
            } else {
                #expect(message.outputs[0].contents.bytesContents.map { Array($0) } == texts.map { Array($0.utf8) })
            }
        }
    }

    @Test func longResultsAreRefused() throws {
        var limits = RequestLimits()
        limits.maximumResponseBytes = 200
        let tensor = try Tensor(shape: [1], strings: [String(repeating: "x", count: 300)])
        let response = InferenceResponse(
            modelName: "m", modelVersion: 1, outputs: [NamedTensor(name: "label", tensor: tensor)])
        for encoding in [
            ResponseEncoding.json, .jsonWithBinary(.init(byDefault: true)), .rawBody, .protobuf(raw: true),
            .protobuf(raw: false),
        ] {
            let error = #expect(throws: RequestError.self) {
                try RequestCodec(limits: limits).encode(response, as: encoding)
            }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test func rowsAreCutAndJoined() throws {
        let tensor = try Tensor(shape: [2, 2], strings: texts)
        #expect(try tensor.rows(1..<2).strings == Array(texts[2...]))
        #expect(try Tensor.joiningRows([tensor.rows(1..<2), tensor]).strings == texts[2...] + texts)
        let template = ResponseTemplate(
            modelName: "m", modelVersion: nil, outputs: [("label", .bytes)], limits: .init())
        var bytes: [UInt8] = []
        _ = try template.append([tensor], rows: 1..<2, id: nil, encoding: .json, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""shape":[1,2],"data":["a\"\\\n\u0000","🌼"]"#))
    }

    /// Agreement and the first difference of recorded results look at strings too.
    @Test func resultsAreCompared() throws {
        let codec = RequestCodec(limits: .init())
        var other = try response
        other.outputs[0].tensor = try Tensor(shape: [2, 2], strings: texts.dropLast() + ["\u{1F337}"])
        let (own, changed) = (try codec.encode(response, as: .json).value, try codec.encode(other, as: .json).value)
        let (left, right) = (ResultTensors(own[...], []), ResultTensors(changed[...], []))
        #expect(left != nil && left == ResultTensors(own[...], []) && left != right)
        let field = ValueDifference.first(own[...], [], changed[...], [])
        #expect(field.name == "outputs[0] \"label\", element 3")
    }
}
