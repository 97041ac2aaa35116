import TensorEngine

extension RequestCodec {
    /// Writes the bytes of the one output, little-endian and row-major; headers describe it.
    func encodeRawBody(_ response: InferenceResponse) throws(RequestError) -> EncodedMessage {
        guard let output = response.outputs.first, response.outputs.count == 1 else {
            throw RequestError.rawOutputCount(response.outputs.map(\.name), requestID: response.id)
        }
        let bytes = RowBytes(output.tensor, nil)
        try limits.checkResponse(bytes.byteCount, "", response.id, .rawBody)
        var value: [UInt8] = []
        bytes.withBytes { value = Array($0) }
        let extents = output.tensor.shape.dimensions.map(String.init).joined(separator: ",")
        return EncodedMessage(
            value: value, contentType: MediaType.octetStream,
            headers: [
                (HeaderName.output, Array(output.name.utf8)), (HeaderName.shape, Array(extents.utf8)),
                (HeaderName.datatype, Array(output.datatype.rawValue.utf8)),
            ])
    }
}

extension RequestError {
    /// A raw body holds one output; the model has these.
    static func rawOutputCount(_ names: [String], requestID: String?) -> RequestError {
        let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
        return RequestError(
            .invalidInput,
            "header \(HeaderName.output): missing, expected one of the model's \(names.count) outputs: \(list)",
            requestID: requestID, encoding: .rawBody)
    }
}
