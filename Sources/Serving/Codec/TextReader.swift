public import TensorEngine

/// An input of strings, `BYTES` in the protocol: text for a model that has a tokenizer, or the strings of one whose input
/// they are.
public struct NamedText: Sendable {
    public var name: String
    public var shape: Shape
    /// As many as the shape has elements, in row-major order.
    public var values: [String]

    public init(name: String, shape: Shape, values: [String]) {
        self.name = name
        self.shape = shape
        self.values = values
    }
}

extension InputReader {
    /// `BYTES`: JSON strings, flat or nested as the shape says, or raw bytes with a 4-byte little-endian length before each.
    mutating func readText(
        _ name: String, _ shape: Shape, data: JSONElement?, binarySize: Int?, _ index: Int
    ) throws(DecodeFailure) -> NamedText {
        let path = "inputs[\(index)].data"
        var values: [String] = []
        switch (data, binarySize) {
        case (let data?, nil): try collect(data, into: &values, shape, path)
        case (nil, let size?): try readRaw(size, most: shape.elementCount, into: &values, index)
        case (.some, .some):
            throw .malformed("inputs[\(index)]: found data and parameters.binary_data_size, expected one of them")
        case (nil, nil): throw .malformed("\(path): missing")
        }
        guard values.count == shape.elementCount else {
            throw .invalid("\(path): found \(values.count) strings, expected \(shape.elementCount) for shape \(shape)")
        }
        return NamedText(name: name, shape: shape, values: values)
    }

    private func collect(
        _ element: JSONElement, into values: inout [String], _ shape: Shape, _ path: String, depth: Int = 0
    ) throws(DecodeFailure) {
        guard let elements = element.elements, depth < max(shape.rank, 1) else {
            throw .invalid("\(path): found \(element.summary), expected an array of strings")
        }
        let most = shape.elementCount
        let before = values.count
        var (texts, arrays) = (0, 0)
        for (position, element) in elements.enumerated() {
            if let text = element.string {
                guard values.count < most else { throw .invalid("\(path): found more than \(most) strings") }
                values.append(text)
                texts += 1
            } else if element.elements != nil {
                try collect(element, into: &values, shape, "\(path)[\(position)]", depth: depth + 1)
                arrays += 1
            } else {
                throw .invalid("\(path)[\(position)]: found \(element.summary), expected a string")
            }
        }
        guard depth > 0 || arrays > 0 else { return }
        // Nested: each array as long as its axis, the strings innermost.
        let isInnermost = depth == shape.rank - 1
        guard isInnermost ? arrays == 0 && texts == shape[depth] : texts == 0 && arrays == shape[depth] else {
            throw .invalid(
                "\(path): found \(values.count - before) strings in \(arrays) arrays, expected \(shape[depth]) elements for "
                    + "shape \(shape)")
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
        values = try NamedText.rawStrings(bytes, most: most, "inputs[\(index)]", size: path)
    }
}

extension NamedText {
    /// Strings with a 4-byte little-endian length before each.
    /// - Parameters:
    ///   - path: what the strings are of.
    ///   - size: what the number of bytes is of.
    static func rawStrings(
        _ bytes: UnsafeRawBufferPointer, most: Int, _ path: String, size: String
    ) throws(DecodeFailure) -> [String] {
        var values: [String] = []
        var position = 0
        while position < bytes.count {
            let rest = bytes.count - position
            guard rest >= 4 else { throw .malformed("\(size): \(rest) bytes are left over") }
            let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            position += 4
            guard length <= bytes.count - position else {
                throw .malformed("\(path): string \(values.count) has \(length) bytes, found \(bytes.count - position)")
            }
            guard values.count < most else { throw .invalid("\(path): found more than \(most) strings") }
            guard let text = String(validating: bytes[position..<(position + length)], as: UTF8.self) else {
                throw .invalid("\(path): string \(values.count) is not UTF-8")
            }
            values.append(text)
            position += length
        }
        return values
    }
}
