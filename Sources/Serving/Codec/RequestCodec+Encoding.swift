import JSONDocuments
import TensorEngine

extension RequestCodec {
    /// Writes a prediction in the request's own encoding.
    ///
    /// - Throws: ``RequestError`` with code `TOO_LARGE` when the value would exceed
    ///   ``RequestLimits/maximumResponseBytes``; with `INVALID_INPUT` when a raw body would have to hold more or fewer
    ///   than one output.
    public func encode(
        _ response: InferenceResponse, as encoding: ResponseEncoding
    ) throws(RequestError) -> EncodedMessage {
        switch encoding {
        case .json, .jsonWithBinary: try encodeJSON(response, as: encoding)
        case .protobuf(let raw): try encodeProtobuf(response, raw: raw)
        case .rawBody: try encodeRawBody(response)
        }
    }

    private func encodeJSON(
        _ response: InferenceResponse, as encoding: ResponseEncoding
    ) throws(RequestError) -> EncodedMessage {
        let template = ResponseTemplate(
            modelName: response.modelName, modelVersion: response.modelVersion,
            outputs: response.outputs.map { ($0.name, $0.datatype) }, limits: limits)
        var value: [UInt8] = []
        let jsonLength = try template.append(
            response.outputs.map(\.tensor), rows: nil, id: response.id, encoding: encoding, to: &value)
        guard let jsonLength else { return EncodedMessage(value: value, contentType: MediaType.json) }
        return EncodedMessage(
            value: value, contentType: MediaType.octetStream,
            headers: [(HeaderName.inferenceHeaderContentLength, Array(String(jsonLength).utf8))])
    }

    /// Writes a typed error: `{"id", "error": {"code", "message"}}`, without `id` when the request's is not known.
    ///
    /// Errors are JSON whatever the request was written in: neither protobuf's `ModelInferResponse` nor a raw tensor has
    /// room for one.
    public func encode(_ error: RequestError) -> EncodedMessage {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        if let id = error.requestID {
            writer.key("id")
            writer.string(id)
        }
        writer.key("error")
        writer.beginObject()
        writer.key("code")
        writer.string(error.code.rawValue)
        writer.key("message")
        writer.string(error.message)
        writer.endObject()
        writer.endObject()
        return EncodedMessage(value: writer.bytes, contentType: MediaType.json)
    }
}
