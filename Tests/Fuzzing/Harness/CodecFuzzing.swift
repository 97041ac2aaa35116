import JSONDocuments
import Serving
import TensorEngine

/// The request codec. An input is header lines (`name: value`), a separator, the JSON, and maybe a separator and what
/// follows the JSON; a length header of `*` means the JSON's true length.
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
        require(!request.inputs.isEmpty, "a request without inputs")
        let elements = request.inputs.reduce(0) { $0 + $1.tensor.shape.elementCount }
        require(elements <= bytes, "\(elements) elements out of \(bytes) bytes")
        let response = InferenceResponse(modelName: "m", modelVersion: 1, id: request.id, outputs: request.inputs)
        checkResponse(response, as: request.encoding)
        checkResponse(response, as: .json)
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
        guard case .object(let members) = json(Array(message.value[..<jsonLength])),
            case .array(let outputs)? = members["outputs"], outputs.count == response.outputs.count
        else { failed("a response without its outputs") }

        // The outputs of a response are the inputs of a request, member for member.
        let request = JSONValue.object(["inputs": .array(outputs)]).serialized(.compact)
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
