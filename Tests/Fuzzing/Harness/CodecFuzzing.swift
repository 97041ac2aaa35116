import JSONDocuments
import Serving
import SwiftProtobuf
import TensorEngine

/// The request codec. An input is header lines (`name: value`), a separator, the JSON, protobuf or raw body, and maybe a
/// separator and what follows the JSON; a length header of `*` means the JSON's true length.
enum CodecFuzzing {
    private static let codec = RequestCodec()
    private nonisolated(unsafe) static let scratch = DecodeScratch()
    /// In UTF-8 bytes.
    private static let maximumMessage = 1_000

    struct Headers: HeaderFields {
        var fields: [(name: String, value: [UInt8])] = []

        func firstValue(named name: String) -> ArraySlice<UInt8>? { fields.first { $0.name == name }?.value[...] }
    }

    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        let parts = input.parts(3)
        guard parts.count >= 2 else { return }
        let value = Array(parts[1...].joined())
        var headers = Headers()
        for line in parts[0].split(separator: UInt8(ascii: "\n")).prefix(32) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let text = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
            headers.fields.append(
                (
                    String(decoding: line[..<colon], as: UTF8.self),
                    text.elementsEqual([UInt8(ascii: "*")]) ? Array(String(parts[1].count).utf8) : Array(text)
                ))
        }
        let reused = decode(value, headers, scratch)
        // Memory that held other requests must not matter; new memory is slow, so that only some lengths get it.
        let fresh = decode(value, headers, value.count % 64 == 0 ? DecodeScratch() : scratch)
        switch (reused, fresh) {
        case (.failure(let error), .failure(let other)):
            require(error == other, "two decodings ended differently: \(error) and \(other)")
            checkError(error)
        case (.success(let request), .success(let other)):
            require(isSame(request, other), "two decodings gave different requests")
            checkRequest(request, bytes: value.count)
        default: failed("a value was decoded once and refused once")
        }
    }

    private static func decode(
        _ value: [UInt8], _ headers: Headers, _ scratch: DecodeScratch
    ) -> Result<InferenceRequest, RequestError> {
        Result { () throws(RequestError) in try codec.decode(value: value[...], headers: headers, using: scratch) }
    }

    private static func checkError(_ error: RequestError) {
        require(error.code != .internal, "an internal error: \(error)")
        require(!error.message.isEmpty && error.message.utf8.count <= maximumMessage, "the message \(error.message)")
        require(error.isAttributable || error.requestID == nil, "an id without a request")
        let message = codec.encode(error)
        guard case .object(let members) = json(message.value), case .object(let inner)? = members["error"] else {
            failed("an error that is not an object")
        }
        require(inner["message"] == .string(error.message), "the message changed on the way")
        require(inner["code"] == .string(error.code.rawValue), "the code changed on the way")
    }

    private static func checkRequest(_ request: InferenceRequest, bytes: Int) {
        if let raw = request.rawInput {
            require(request.inputs.isEmpty && request.encoding == .rawBody, "a raw body beside inputs")
            return complete(raw, request)
        }
        require(!request.inputs.isEmpty, "a request without inputs")
        let elements = request.inputs.reduce(0) { $0 + $1.tensor.shape.elementCount }
        require(elements <= bytes, "\(elements) elements out of \(bytes) bytes")
        let response = InferenceResponse(modelName: "m", modelVersion: 1, id: request.id, outputs: request.inputs)
        if case .protobuf = request.encoding {} else { checkResponse(response, as: request.encoding) }
        checkResponse(response, as: .json)
        // One more of the other encodings, by the length.
        if bytes % 4 == 0 { checkProtobuf(response, raw: bytes % 8 == 0) }
        if bytes % 4 == 1 { checkRawBody(response) }
    }

    /// Raw bytes as the input of models that declare different things.
    private static func complete(_ raw: RawInput, _ request: InferenceRequest) {
        for (type, dimensions) in signatures {
            let signature = [ValueInfo(name: raw.name ?? "x", elementType: type, dimensions: dimensions)]
            switch Result(catching: { () throws(RequestError) in try raw.completed(by: signature) }) {
            case .success(let input):
                require(input.tensor.byteCount == raw.bytes.count, "a raw tensor of another size than its bytes")
                checkRawBody(InferenceResponse(modelName: "m", modelVersion: nil, outputs: [input]))
            case .failure(let error): checkError(error)
            }
        }
    }

    private static let signatures: [(ElementType, [Dimension])] = [
        (.float32, [.batch, .fixed(2)]), (.bool, [.fixed(2), .symbolic("n")]), (.int64, [.batch]), (.uint8, []),
        (.float64, [.batch, .symbolic("n")]), (.uint8, [.batch, .fixed(0)]),
        (.int16, [.fixed(1 << 40), .fixed(1 << 40)]),
    ]

    /// The tensors as a `ModelInferResponse`, and that one's outputs as the inputs of a request.
    private static func checkProtobuf(_ response: InferenceResponse, raw: Bool) {
        let request: [UInt8]
        do {
            let message = try codec.encode(response, as: .protobuf(raw: raw))
            let written = try Inference_ModelInferResponse(serializedBytes: message.value)
            var copy = Inference_ModelInferRequest()
            copy.inputs = written.outputs.map { output in
                var input = Inference_ModelInferRequest.InferInputTensor()
                input.name = output.name
                input.datatype = output.datatype
                input.shape = output.shape
                if output.hasContents { input.contents = output.contents }
                return input
            }
            copy.rawInputContents = written.rawOutputContents
            request = try copy.serializedBytes()
        } catch {
            failed("a response that cannot be written as protobuf: \(error)")
        }
        var headers = Headers()
        headers.fields = [(HeaderName.contentType, Array(MediaType.protobuf.utf8))]
        let again = decode(request, headers, scratch)
        guard case .success(let decoded) = again else {
            failed("a protobuf response that does not read back: \(again)")
        }
        require(isSame(decoded.inputs, response.outputs), "a tensor that changed on the way through protobuf")
    }

    private static func checkRawBody(_ response: InferenceResponse) {
        let message: EncodedMessage
        do throws(RequestError) { message = try codec.encode(response, as: .rawBody) } catch {
            require(error.code == .invalidInput && response.outputs.count != 1, "a raw body that cannot be written")
            return
        }
        let output = response.outputs[0]
        require(message.contentType == MediaType.octetStream, "a raw body of another type")
        require(output.tensor.withBytes { $0.elementsEqual(message.value) }, "a raw body that is not its tensor")
    }

    /// The request's own tensors as the outputs: the response is JSON and reads back as the same tensors.
    private static func checkResponse(_ response: InferenceResponse, as encoding: ResponseEncoding) {
        let message: EncodedMessage
        do throws(RequestError) { message = try codec.encode(response, as: encoding) } catch {
            require(error.code == .tooLarge, "a response that cannot be written: \(error)")
            return
        }
        let length = message.headers.first { $0.name == HeaderName.inferenceHeaderContentLength }
        let jsonLength = length.flatMap { Int(String(decoding: $0.value, as: UTF8.self)) } ?? message.value.count
        let text = Array(message.value[..<jsonLength])
        // The document parser has no integers beyond Int64, JSON has.
        if !response.outputs.contains(where: { $0.datatype == .uint64 }) {
            guard case .object(let members) = json(text), case .array(let outputs)? = members["outputs"],
                outputs.count == response.outputs.count
            else { failed("a response without its outputs") }
        }

        // The outputs of a response are the inputs of a request, member for member. Inside a string the quote is escaped.
        guard let key = text.firstRange(of: Array(#""outputs":"#.utf8)) else {
            failed("a response without its outputs")
        }
        var request = text
        request.replaceSubrange(key, with: Array(#""inputs":"#.utf8))
        var headers = Headers()
        if length != nil {
            let name = HeaderName.inferenceHeaderContentLength
            headers.fields = [(name, Array(String(request.count).utf8))]
        }
        let again = decode(request + message.value[jsonLength...], headers, scratch)
        guard case .success(let decoded) = again else { failed("a response that does not read back: \(again)") }
        require(isSame(decoded.inputs, response.outputs), "a tensor that changed on the way")
    }

    private static func json(_ bytes: [UInt8]) -> JSONValue {
        do throws(JSONError) { return try JSONValue(parsing: bytes) } catch {
            failed("an answer that is no JSON: \(error)")
        }
    }

    private static func isSame(_ one: InferenceRequest, _ other: InferenceRequest) -> Bool {
        one.id == other.id && one.model == other.model && one.requestedOutputs == other.requestedOutputs
            && one.encoding == other.encoding && one.parameters == other.parameters && one.deadline == other.deadline
            && one.traceparent == other.traceparent && isSame(one.inputs, other.inputs)
    }

    /// NaN equals NaN here, whatever its payload: JSON has one word for all.
    private static func isSame(_ one: [NamedTensor], _ other: [NamedTensor]) -> Bool {
        one.count == other.count
            && zip(one, other).allSatisfy { left, right in
                left.name == right.name && left.datatype == right.datatype
                    && left.tensor.shape == right.tensor.shape
                    && (left.tensor.withBytes { a in right.tensor.withBytes { a.elementsEqual($0) } }
                        || Self.isSameButNaN(left.tensor, right.tensor))
            }
    }

    private static func isSameButNaN(_ one: Tensor, _ other: Tensor) -> Bool {
        guard let left = try? one.converted(to: .float64)?.elements(as: Double.self),
            let right = try? other.converted(to: .float64)?.elements(as: Double.self)
        else { return false }
        return zip(left, right).allSatisfy { $0 == $1 && $0.sign == $1.sign || $0.isNaN && $1.isNaN }
    }
}
