import TensorEngine

/// An input of strings, `BYTES` in the protocol: text for a model that has a tokenizer.
public struct NamedText: Sendable {
    public var name: String
    /// One for each row.
    public var values: [String]

    public init(name: String, values: [String]) {
        self.name = name
        self.values = values
    }
}

extension InputReader {
    /// `BYTES` of shape `[rows]` or `[rows, 1]`: JSON strings, or raw bytes with a 4-byte little-endian length before each.
    mutating func readText(
        _ name: String, _ shape: Shape, data: JSONElement?, binarySize: Int?, _ index: Int
    ) throws(DecodeFailure) -> NamedText {
        guard shape.rank == 1 || shape.rank == 2 && shape[1] == 1 else {
            throw .invalid("inputs[\(index)].shape: found \(shape) of BYTES, expected [rows] or [rows, 1]")
        }
        let path = "inputs[\(index)].data"
        var values: [String] = []
        switch (data, binarySize) {
        case (let data?, nil): try collect(data, into: &values, most: shape.elementCount, path)
        case (nil, let size?): try readRaw(size, most: shape.elementCount, into: &values, index)
        case (.some, .some):
            throw .malformed("inputs[\(index)]: found data and parameters.binary_data_size, expected one of them")
        case (nil, nil): throw .malformed("\(path): missing")
        }
        guard values.count == shape.elementCount else {
            throw .invalid("\(path): found \(values.count) strings, expected \(shape.elementCount) for shape \(shape)")
        }
        return NamedText(name: name, values: values)
    }

    private func collect(
        _ element: JSONElement, into values: inout [String], most: Int, _ path: String, depth: Int = 0
    ) throws(DecodeFailure) {
        guard let elements = element.elements, depth < 2 else {
            throw .invalid("\(path): found \(element.summary), expected an array of strings")
        }
        for (position, element) in elements.enumerated() {
            if let text = element.string {
                guard values.count < most else { throw .invalid("\(path): found more than \(most) strings") }
                values.append(text)
            } else if element.elements != nil {
                try collect(element, into: &values, most: most, "\(path)[\(position)]", depth: depth + 1)
            } else {
                throw .invalid("\(path)[\(position)]: found \(element.summary), expected a string")
            }
        }
    }

    private mutating func readRaw(
        _ size: Int, most: Int, into values: inout [String], _ index: Int
    ) throws(DecodeFailure) {
        let path = "inputs[\(index)].parameters.binary_data_size"
        guard let tail = binaryTail else {
            throw .malformed("\(path): found without header \(HeaderName.inferenceHeaderContentLength)")
        }
        guard size <= tail.count else {
            throw .malformed("\(path): found \(size), but only \(tail.count) bytes are left behind the JSON")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: tail[..<size])
        binaryTail = UnsafeRawBufferPointer(rebasing: tail[size...])
        var position = 0
        while position < size {
            guard size - position >= 4 else { throw .malformed("\(path): \(size - position) bytes are left over") }
            let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            position += 4
            guard length <= size - position else {
                throw .malformed(
                    "inputs[\(index)]: string \(values.count) has \(length) bytes, found \(size - position)")
            }
            guard values.count < most else { throw .invalid("inputs[\(index)]: found more than \(most) strings") }
            guard let text = String(validating: bytes[position..<(position + length)], as: UTF8.self) else {
                throw .invalid("inputs[\(index)]: string \(values.count) is not UTF-8")
            }
            values.append(text)
            position += length
        }
    }
}
