/// Translates between the bytes of records or HTTP bodies and ``InferenceRequest``, ``InferenceResponse`` and
/// ``RequestError``; knows no transport.
///
/// The wire format is the Open Inference Protocol V2: in JSON, with its binary tensor data extension, or in protobuf; or
/// the bytes of a single tensor.
///
///     let codec = RequestCodec(limits: RequestLimits())
///     let scratch = DecodeScratch()  // one a thread
///     let request = try codec.decode(value: record.value, headers: record, using: scratch)
///     let answer = try codec.encode(response, as: request.encoding)
public struct RequestCodec: Sendable {
    public let limits: RequestLimits

    public init(limits: RequestLimits = RequestLimits()) {
        self.limits = limits
    }

    /// Reads a request. Numbers are copied once, straight into the memory of their tensors.
    ///
    /// - Parameter value: Nil for a record without value (a tombstone), which is an error.
    /// - Throws: ``RequestError`` with the codes `MALFORMED_REQUEST`, `INVALID_INPUT`, `UNSUPPORTED_DATATYPE`,
    ///   `TOO_LARGE`, or `INTERNAL` when memory runs out; it carries the request's id if that could be read.
    public func decode(
        value: ArraySlice<UInt8>?, headers: some HeaderFields, using scratch: DecodeScratch
    ) throws(RequestError) -> InferenceRequest {
        var attribution = Attribution()
        do throws(DecodeFailure) {
            return try read(value, headers, scratch, &attribution)
        } catch {
            throw RequestError(
                error.code, error.message, requestID: attribution.requestID,
                isAttributable: attribution.isRequest, encoding: attribution.encoding)
        }
    }

    private func read(
        _ value: ArraySlice<UInt8>?, _ headers: some HeaderFields, _ scratch: DecodeScratch,
        _ attribution: inout Attribution
    ) throws(DecodeFailure) -> InferenceRequest {
        guard let value else { throw .malformed("value: found null, expected an inference request") }
        guard !value.isEmpty else { throw .malformed("value: found 0 bytes, expected an inference request") }
        guard value.count <= limits.maximumBytes else {
            throw .tooLarge("value: found \(value.count) bytes, expected at most \(limits.maximumBytes)")
        }
        switch try RequestFormat(headers, limits: limits) {
        case .json(let length):
            let jsonLength = try jsonLength(length, value.count)
            return try value.withUnsafeBufferPointer { bytes throws(DecodeFailure) in
                let json = UnsafeBufferPointer(rebasing: bytes[..<(jsonLength ?? bytes.count)])
                let tail = jsonLength.map { UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[$0...]) }
                return try scratch.withDocument(json, limits: limits) { root throws(DecodeFailure) in
                    var reader = RequestReader(limits: limits, jsonBytes: json.count, binaryTail: tail)
                    return try reader.read(root, headers, &attribution)
                }
            }
        case .protobuf:
            return try value.withUnsafeBufferPointer { bytes throws(DecodeFailure) in
                try ProtobufReader(limits: limits).read(UnsafeRawBufferPointer(bytes), headers, &attribution)
            }
        case .rawBody:
            attribution = Attribution(isRequest: true, encoding: .rawBody)
            return try RawBodyReader(limits: limits).read(value, headers)
        }
    }

    /// The length of the JSON before the binary tensors; nil when there are none.
    private func jsonLength(_ length: Int?, _ total: Int) throws(DecodeFailure) -> Int? {
        guard let length else { return nil }
        guard length > 0, length <= total else {
            throw .malformed(
                "header \(HeaderName.inferenceHeaderContentLength): found \(length), "
                    + "expected 1 to \(total), the length of the value")
        }
        return length
    }
}

/// What is known about the sender when decoding fails.
struct Attribution {
    var isRequest = false
    var requestID: String?
    var encoding = ResponseEncoding.json
}

/// How a request is written, by its `content-type` and `Inference-Header-Content-Length`.
enum RequestFormat {
    /// With binary tensors behind it when its length is given.
    case json(length: Int?)
    case protobuf
    case rawBody

    init(_ headers: some HeaderFields, limits: RequestLimits) throws(DecodeFailure) {
        guard let contentType = headers.firstValue(named: HeaderName.contentType), !contentType.isEmpty else {
            // Without a content type the value is JSON, unless its JSON has no bytes.
            let length = try Self.jsonLength(headers, limits)
            self = length == 0 ? .rawBody : .json(length: length)
            return
        }
        // Parameters such as charset follow a semicolon; JSON is UTF-8 whatever they say.
        let mediaType = String(decoding: contentType.prefix(256).prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self)
        let trimmed = mediaType.drop { $0 == " " }.prefix { $0 != " " }.lowercased()
        switch trimmed {
        case MediaType.json: self = .json(length: try Self.jsonLength(headers, limits))
        case MediaType.octetStream:
            let length = try Self.jsonLength(headers, limits)
            self = length == nil || length == 0 ? .rawBody : .json(length: length)
        case MediaType.protobuf: self = .protobuf
        case _ where MediaType.protobufAliases.contains(trimmed): self = .protobuf
        default:
            throw .malformed(
                "header \(HeaderName.contentType): found \(HeaderReader.summary(contentType)), "
                    + "expected \(MediaType.json), \(MediaType.octetStream) or \(MediaType.protobuf)")
        }
    }

    private static func jsonLength(_ headers: some HeaderFields, _ limits: RequestLimits) throws(DecodeFailure) -> Int?
    {
        try HeaderReader(limits: limits).length(headers, HeaderName.inferenceHeaderContentLength)
    }
}
