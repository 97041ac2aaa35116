import TensorEngine

/// Some rows of a tensor, where they lie; all of it without rows. Raw, a string is its length (four bytes,
/// little-endian) and its UTF-8, as the protocol's binary extension has it.
struct RowBytes {
    let tensor: Tensor
    private let rows: Range<Int>?

    /// - Precondition: the tensor has the rows.
    init(_ tensor: Tensor, _ rows: Range<Int>?) {
        self.tensor = tensor
        self.rows = rows
    }

    /// Of a scalar too, whose shape has no extent to show.
    var leadingExtent: Int { rows?.count ?? tensor.shape.dimensions.first ?? 1 }

    private var rowCount: Int { max(tensor.shape.dimensions.first ?? 1, 1) }
    var elementCount: Int {
        rows.map { $0.count * (tensor.shape.elementCount / rowCount) } ?? tensor.shape.elementCount
    }

    var byteCount: Int {
        if tensor.elementType == .string { return strings.reduce(0) { $0 + 4 + $1.utf8.count } }
        return elementCount * tensor.elementType.byteCount
    }

    /// A digit and a comma, or quotes, a comma and the text.
    var leastJSONByteCount: Int {
        tensor.elementType == .string ? strings.reduce(0) { $0 + 3 + $1.utf8.count } : 2 * elementCount
    }

    /// The elements of a tensor of strings.
    var strings: ArraySlice<String> {
        let all = tensor.strings
        guard let rows else { return all[...] }
        let width = all.count / rowCount
        return all[rows.lowerBound * width..<rows.upperBound * width]
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        if tensor.elementType == .string {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(byteCount)
            for text in strings {
                let length = UInt32(clamping: text.utf8.count)
                withUnsafeBytes(of: length.littleEndian) { bytes.append(contentsOf: $0) }
                bytes.append(contentsOf: text.utf8)
            }
            return bytes.withUnsafeBytes(body)
        }
        tensor.withBytes { bytes in
            guard let rows else { return body(bytes) }
            let start = rows.lowerBound * (bytes.count / rowCount)
            body(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + byteCount)]))
        }
    }
}
