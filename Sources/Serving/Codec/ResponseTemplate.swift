import CSimdJSON
import JSONDocuments
import TensorEngine

/// The JSON of the responses of one model, `$inference_response` of the Open Inference Protocol V2: what all of them have
/// in common is written once.
///
/// JSON numbers take the fewest digits that read back to the same bits; NaN and infinities, which JSON cannot write,
/// become the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. Raw outputs follow the JSON in the order of the outputs.
struct ResponseTemplate {
    private struct Output {
        let name: String
        let datatype: Datatype
        /// From the brace to the bracket of the shape.
        let head: [UInt8]
    }

    private let limits: RequestLimits
    /// From the brace to the last member before the id.
    private let head: [UInt8]
    private let outputs: [Output]

    init(modelName: String, modelVersion: Int?, outputs: [(name: String, datatype: Datatype)], limits: RequestLimits) {
        var writer = JSONWriter(reservingCapacity: 64)
        writer.beginObject()
        writer.key("model_name")
        writer.string(modelName)
        if let modelVersion {
            writer.key("model_version")
            writer.string(String(modelVersion))
        }
        head = writer.bytes
        self.outputs = outputs.map { output in
            var writer = JSONWriter(reservingCapacity: 64)
            writer.beginObject()
            writer.key("name")
            writer.string(output.name)
            writer.key("datatype")
            writer.string(output.datatype.rawValue)
            writer.key("shape")
            writer.beginArray()
            return Output(name: output.name, datatype: output.datatype, head: writer.bytes)
        }
        self.limits = limits
    }

    /// Appends one response.
    ///
    /// - Parameters:
    ///   - tensors: one for each output of the template, in its order, of its datatype.
    ///   - rows: the rows of the tensors that answer the request; nil for all of them.
    /// - Returns: the length of the JSON when raw outputs may follow it.
    /// - Throws: ``RequestError`` with the code `TOO_LARGE` when the response would exceed
    ///   ``RequestLimits/maximumResponseBytes``; bytes may have been appended by then.
    func append(
        _ tensors: some RandomAccessCollection<Tensor>, rows: Range<Int>?, id: String?, encoding: ResponseEncoding,
        to bytes: inout [UInt8]
    ) throws(RequestError) -> Int? {
        let start = bytes.count
        // The least that the outputs can take, to refuse before allocating.
        var least = 0
        for (output, tensor) in zip(outputs, tensors) {
            let part = RowBytes(tensor, rows)
            least += encoding.isBinary(output.name) ? part.byteCount : part.leastJSONByteCount
        }
        try limits.checkResponse(least, "at least ", id, encoding)

        bytes.append(contentsOf: head)
        if let id {
            bytes.append(#","id":"#)
            JSONWriter.appendQuoted(id, to: &bytes)
        }
        bytes.append(#","outputs":["#)
        var isFirst = true
        for (output, tensor) in zip(outputs, tensors) {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(output, RowBytes(tensor, rows), binary: encoding.isBinary(output.name), to: &bytes)
        }
        bytes.append("]}")
        let length = bytes.count - start
        guard case .jsonWithBinary = encoding else {
            try limits.checkResponse(length, "", id, encoding)
            return nil
        }
        var total = length
        for (output, tensor) in zip(outputs, tensors) where encoding.isBinary(output.name) {
            total += RowBytes(tensor, rows).byteCount
        }
        try limits.checkResponse(total, "", id, encoding)
        bytes.reserveCapacity(start + total)
        for (output, tensor) in zip(outputs, tensors) where encoding.isBinary(output.name) {
            RowBytes(tensor, rows).withBytes { bytes.append(contentsOf: $0) }
        }
        return length
    }

    private func append(_ output: Output, _ part: RowBytes, binary: Bool, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: output.head)
        var isFirst = true
        for axis in part.tensor.shape.dimensions.indices {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONWriter.appendDigits(axis == 0 ? part.leadingExtent : part.tensor.shape[axis], to: &bytes)
        }
        guard !binary else {
            bytes.append(#"],"parameters":{"binary_data_size":"#)
            JSONWriter.appendDigits(part.byteCount, to: &bytes)
            bytes.append("}}")
            return
        }
        bytes.append(#"],"data":"#)
        guard let layout = output.datatype.layout else {
            appendStrings(part, to: &bytes)
            bytes.append(UInt8(ascii: "}"))
            return
        }
        let count = part.elementCount
        part.withBytes { numbers in
            bytes.append(addingCapacity: csj_print_capacity(layout, count)) { text in
                text.withUnsafeMutableBufferPointer { buffer, written in
                    let free = UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[written...])
                    written += csj_print_numbers(
                        layout, numbers.baseAddress, count, free.baseAddress?.assumingMemoryBound(to: CChar.self),
                        free.count)
                }
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private func appendStrings(_ part: RowBytes, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for text in part.strings {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONWriter.appendQuoted(text, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

extension RequestLimits {
    func checkResponse(
        _ bytes: Int, _ qualifier: String, _ id: String?, _ encoding: ResponseEncoding
    ) throws(RequestError) {
        guard bytes > maximumResponseBytes else { return }
        throw RequestError(
            .tooLarge, "response: found \(qualifier)\(bytes) bytes, expected at most \(maximumResponseBytes)",
            requestID: id, encoding: encoding)
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
