import SwiftProtobuf
import TensorEngine

extension RequestCodec {
    /// The tag of `raw_output_contents`: field 6, length-delimited.
    private static let rawOutputTag: UInt8 = 6 << 3 | 2

    /// Writes a `ModelInferResponse`. Raw outputs are appended to the serialised rest, copied once from their tensors;
    /// their field has the highest number, so that the fields are in order.
    ///
    /// - Parameter raw: Whether the outputs are raw bytes; they are anyway when one of them has a datatype that has no
    ///   typed contents (FP16, BF16).
    func encodeProtobuf(_ response: InferenceResponse, raw: Bool) throws(RequestError) -> EncodedMessage {
        let encoding = ResponseEncoding.protobuf(raw: raw)
        let raw = raw || response.outputs.contains { $0.datatype.contentsField == nil }
        // The least that the outputs can take, to refuse before allocating.
        let least = response.outputs.reduce(0) { sum, output in
            let isFixed = raw || output.datatype == .fp32 || output.datatype == .fp64
            if isFixed { return sum + RowBytes(output.tensor, nil).byteCount }
            // Typed, a string has at least a tag and one byte of length before it.
            let texts = output.tensor.strings.reduce(0) { $0 + 1 + $1.utf8.count }
            return sum + texts + output.tensor.shape.elementCount
        }
        try limits.checkResponse(least, "at least ", response.id, encoding)

        var message = Inference_ModelInferResponse()
        message.modelName = response.modelName
        if let version = response.modelVersion { message.modelVersion = String(version) }
        if let id = response.id { message.id = id }
        message.outputs = response.outputs.map { output in
            var tensor = Inference_ModelInferResponse.InferOutputTensor()
            tensor.name = output.name
            tensor.datatype = output.datatype.rawValue
            tensor.shape = output.tensor.shape.dimensions.map(Int64.init)
            if !raw { tensor.contents = Inference_InferTensorContents(output.tensor) }
            return tensor
        }
        var value: [UInt8]
        do {
            value = try message.serializedBytes()
        } catch {
            throw RequestError(
                .internal, "response: not writable as protobuf: \(error)", requestID: response.id, encoding: encoding)
        }
        if raw { appendRaw(response, to: &value) }
        try limits.checkResponse(value.count, "", response.id, encoding)
        return EncodedMessage(value: value, contentType: MediaType.protobuf)
    }

    private func appendRaw(_ response: InferenceResponse, to value: inout [UInt8]) {
        // A tag and at most ten bytes of length besides each tensor.
        let total = response.outputs.reduce(value.count) { $0 + RowBytes($1.tensor, nil).byteCount + 11 }
        value.reserveCapacity(total)
        for output in response.outputs {
            value.append(Self.rawOutputTag)
            let bytes = RowBytes(output.tensor, nil)
            var length = UInt64(bytes.byteCount)
            while length >= 0x80 {
                value.append(UInt8(truncatingIfNeeded: length) | 0x80)
                length >>= 7
            }
            value.append(UInt8(length))
            bytes.withBytes { value.append(contentsOf: $0) }
        }
    }
}
