import CSimdJSON
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

    /// Writes `$inference_response` of the Open Inference Protocol V2.
    ///
    /// JSON numbers take the fewest digits that read back to the same bits; NaN and infinities, which JSON cannot write,
    /// become the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. Raw outputs follow the JSON in the order of `outputs`.
    private func encodeJSON(
        _ response: InferenceResponse, as encoding: ResponseEncoding
    ) throws(RequestError) -> EncodedMessage {
        // The least that the outputs can take, to refuse before allocating.
        var least = 0
        for output in response.outputs {
            least += encoding.isBinary(output.name) ? output.tensor.byteCount : 2 * output.tensor.shape.elementCount
        }
        try checkSize(least, "at least ", response, encoding)

        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        writer.key("model_name")
        writer.string(response.modelName)
        if let version = response.modelVersion {
            writer.key("model_version")
            writer.string(String(version))
        }
        if let id = response.id {
            writer.key("id")
            writer.string(id)
        }
        writer.key("outputs")
        writer.beginArray()
        for output in response.outputs { write(output, binary: encoding.isBinary(output.name), to: &writer) }
        writer.endArray()
        writer.endObject()

        var value = writer.bytes
        guard case .jsonWithBinary = encoding else {
            try checkSize(value.count, "", response, encoding)
            return EncodedMessage(value: value, contentType: MediaType.json)
        }
        let jsonLength = value.count
        let raw = response.outputs.filter { encoding.isBinary($0.name) }
        let total = raw.reduce(jsonLength) { $0 + $1.tensor.byteCount }
        try checkSize(total, "", response, encoding)
        value.reserveCapacity(total)
        for output in raw { output.tensor.withBytes { value.append(contentsOf: $0) } }
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

    private func write(_ output: NamedTensor, binary: Bool, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("name")
        writer.string(output.name)
        writer.key("datatype")
        writer.string(output.datatype.rawValue)
        writer.key("shape")
        writer.integers(output.tensor.shape.dimensions)
        if binary {
            writer.key("parameters")
            writer.beginObject()
            writer.key("binary_data_size")
            writer.integer(output.tensor.byteCount)
            writer.endObject()
        } else {
            writer.key("data")
            let count = output.tensor.shape.elementCount
            let layout = output.datatype.layout
            writer.raw(capacity: csj_print_capacity(layout, count)) { text in
                output.tensor.withBytes { numbers in
                    text.withMemoryRebound(to: CChar.self) {
                        csj_print_numbers(layout, numbers.baseAddress, count, $0.baseAddress, $0.count)
                    }
                }
            }
        }
        writer.endObject()
    }

    func checkSize(
        _ bytes: Int, _ qualifier: String, _ response: InferenceResponse, _ encoding: ResponseEncoding
    ) throws(RequestError) {
        guard bytes > limits.maximumResponseBytes else { return }
        throw RequestError(
            .tooLarge,
            "response: found \(qualifier)\(bytes) bytes, expected at most \(limits.maximumResponseBytes)",
            requestID: response.id, encoding: encoding)
    }
}
