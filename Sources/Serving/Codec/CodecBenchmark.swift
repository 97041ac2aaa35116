import JSONDocuments
import SwiftProtobuf
import TensorEngine

/// What decoding a request and encoding its answer cost, beside ``JSONValue``, which is Jansson's tree and its copy, made
/// from the same body in the same run.
package enum CodecBenchmark {
    package struct Row: Sendable {
        /// `decode` or `encode` and `JSON`, `binary`, `protobuf`, `protobuf raw` or `raw body`; or `parse with Jansson`.
        package var operation: String
        /// FP32 numbers in the tensor.
        package var numbers: Int
        /// The length of the value.
        package var bytes: Int
        /// The median over the rounds.
        package var nanoseconds: Double
    }

    /// Measures tensors of each length, `rounds` rounds of `iterations` calls.
    /// - Throws: ``RequestError`` if the codec refused its own request, or protobuf's error for writing it.
    package static func run(
        lengths: [Int] = [64, 784], rounds: Int = 21, iterations: Int = 200
    ) throws -> [Row] {
        let codec = RequestCodec()
        let scratch = DecodeScratch()
        var rows: [Row] = []
        for length in lengths {
            let sample = try Sample(length)
            func measure(_ operation: String, _ bytes: Int, _ body: () throws -> Int) throws {
                let time = try medianNanoseconds(rounds, iterations, body)
                rows.append(Row(operation: operation, numbers: length, bytes: bytes, nanoseconds: time))
            }
            try measure("decode JSON", sample.json.count) {
                try codec.decode(value: sample.json[...], headers: sample.jsonHeaders, using: scratch).inputs.count
            }
            try measure("parse with Jansson", sample.json.count) {
                if case .object(let members) = try JSONValue(parsing: sample.json) { members.count } else { 0 }
            }
            try measure("decode binary", sample.binary.count) {
                try codec.decode(value: sample.binary[...], headers: sample.binaryHeaders, using: scratch).inputs.count
            }
            let protobuf = Headers(contentType: MediaType.protobuf)
            for (operation, value) in [
                ("decode protobuf", sample.protobuf), ("decode protobuf raw", sample.protobufRaw),
            ] {
                try measure(operation, value.count) {
                    try codec.decode(value: value[...], headers: protobuf, using: scratch).inputs.count
                }
            }
            let octetStream = Headers(contentType: MediaType.octetStream)
            try measure("decode raw body", sample.rawBody.count) {
                let request = try codec.decode(value: sample.rawBody[...], headers: octetStream, using: scratch)
                // The tensor is made when the model is known.
                return try request.rawInput?.completed(by: sample.signature).tensor.byteCount ?? 0
            }
            let encodings: [(String, ResponseEncoding)] = [
                ("encode JSON", .json), ("encode binary", .jsonWithBinary(.init(byDefault: true))),
                ("encode protobuf", .protobuf(raw: false)), ("encode protobuf raw", .protobuf(raw: true)),
                ("encode raw body", .rawBody),
            ]
            for (operation, encoding) in encodings {
                try measure(operation, try codec.encode(sample.response, as: encoding).value.count) {
                    try codec.encode(sample.response, as: encoding).value.count
                }
            }
        }
        return rows
    }

    private static func medianNanoseconds(
        _ rounds: Int, _ iterations: Int, _ body: () throws -> Int
    ) rethrows -> Double {
        let clock = ContinuousClock()
        var checksum = 0
        var times: [Double] = []
        for _ in 0..<max(rounds, 1) {
            let start = clock.now
            for _ in 0..<max(iterations, 1) { checksum &+= try body() }
            let elapsed = start.duration(to: clock.now)
            times.append(Double(elapsed.components.attoseconds) / 1e9 + Double(elapsed.components.seconds) * 1e9)
        }
        // Used, so that the calls cannot be optimised away; every body answers more than zero.
        precondition(checksum != 0)
        return times.sorted()[times.count / 2] / Double(max(iterations, 1))
    }

    /// One row of `length` numbers between 0 and 1, with the nine digits that float32 pixels have.
    private struct Sample {
        let json: [UInt8]
        let jsonHeaders: Headers
        let binary: [UInt8]
        let binaryHeaders: Headers
        let protobuf: [UInt8]
        let protobufRaw: [UInt8]
        let rawBody: [UInt8]
        let signature: [ValueInfo]
        let response: InferenceResponse

        init(_ length: Int) throws {
            let numbers = (0..<length).map { Float(($0 &* 2_654_435_761) & 0xFF_FFFF) / Float(1 << 24) }
            let tensor = try Tensor(shape: Shape([1, length]), elements: numbers)
            response = InferenceResponse(
                modelName: "digits", modelVersion: 1, id: "r", outputs: [NamedTensor(name: "x", tensor: tensor)])
            json = Self.request(length) { writer in
                writer.key("data")
                writer.beginArray()
                for number in numbers { writer.number(number) }
                writer.endArray()
            }
            let head = Self.request(length) { writer in
                writer.key("parameters")
                writer.value(["binary_data_size": .integer(Int64(4 * length))])
            }
            binary = tensor.withBytes { head + Array($0) }
            jsonHeaders = Headers()
            binaryHeaders = Headers(jsonLength: head.count)
            rawBody = tensor.withBytes { Array($0) }
            signature = [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(length)])]
            var message = Inference_ModelInferRequest.with { request in
                request.id = "r"
                request.modelName = "digits"
                request.inputs = [
                    .with { input in
                        input.name = "x"
                        input.datatype = Datatype.fp32.rawValue
                        input.shape = [1, Int64(length)]
                        input.contents.fp32Contents = numbers
                    }
                ]
            }
            protobuf = try message.serializedBytes()
            message.inputs[0].clearContents()
            message.rawInputContents = [.init(rawBody)]
            protobufRaw = try message.serializedBytes()
        }

        private static func request(_ length: Int, _ data: (inout JSONWriter) -> Void) -> [UInt8] {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("id")
            writer.string("r")
            writer.key("model_name")
            writer.string("digits")
            writer.key("inputs")
            writer.beginArray()
            writer.beginObject()
            writer.key("name")
            writer.string("x")
            writer.key("shape")
            writer.integers([1, length])
            writer.key("datatype")
            writer.string(Datatype.fp32.rawValue)
            data(&writer)
            writer.endObject()
            writer.endArray()
            writer.endObject()
            return writer.bytes
        }
    }

    private struct Headers: HeaderFields {
        let contentType: [UInt8]?
        let jsonLength: [UInt8]?

        init(contentType: String? = nil, jsonLength: Int? = nil) {
            self.contentType = contentType.map { Array($0.utf8) }
            self.jsonLength = jsonLength.map { Array(String($0).utf8) }
        }

        func firstValue(named name: String) -> ArraySlice<UInt8>? {
            switch name {
            case HeaderName.contentType: contentType.map { $0[...] }
            case HeaderName.inferenceHeaderContentLength: jsonLength.map { $0[...] }
            default: nil
            }
        }
    }
}
