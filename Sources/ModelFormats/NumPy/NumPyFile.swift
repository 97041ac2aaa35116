public import TensorEngine

/// Single NumPy arrays: `.npy`.
public enum NumPyFile {
    /// Reads an `.npy` file of format version 1.0 to 3.0: little-endian floating-point, integer or boolean elements;
    /// Fortran order is converted to row-major.
    /// - Throws: ``ModelFormatError``.
    public static func read(
        _ path: String, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> Tensor {
        let file = try MappedFile(path, limits: limits)
        var position = 0
        let header = try NumPyHeader(file: path, at: "", limits: limits) {
            (count) throws(ModelFormatError) -> [UInt8] in
            guard file.bytes.count - position >= count else {
                throw ModelFormatError(.truncated, file: path, "the file ends inside the header")
            }
            defer { position += count }
            return Array(file.bytes[position..<(position + count)])
        }
        let expected = header.shape.elementCount * header.elementType.byteCount
        let found = file.bytes.count - position
        guard found == expected else {
            throw ModelFormatError(
                found < expected ? .truncated : .malformed, file: path,
                "found \(found) bytes of data, expected \(expected) for \(header.shape) of \(header.elementType.rawValue)"
            )
        }
        return try header.tensor(file: path, at: "") { target in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.bytes[position...]))
        }
    }

    /// Writes format version 1.0 in row-major order.
    /// - Throws: ``ModelFormatError`` when the file cannot be written or NumPy has no such element type (bfloat16).
    public static func write(_ tensor: Tensor, to path: String) throws(ModelFormatError) {
        let writer = try FileWriter(path)
        try writer.write(try header(of: tensor, file: path, at: ""))
        try tensor.withBytes { (bytes) -> Swift.Result<Void, ModelFormatError> in
            Swift.Result { () throws(ModelFormatError) in try writer.write(bytes) }
        }.get()
        try writer.finish()
    }

    static func header(of tensor: Tensor, file: String, at place: String) throws(ModelFormatError) -> [UInt8] {
        guard let header = NumPyHeader.bytes(for: tensor) else {
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "NumPy has no form for \(tensor.elementType.rawValue) of rank \(tensor.shape.rank)")
        }
        return header
    }
}

extension NumPyHeader {
    /// The tensor whose data `fill` writes, in row-major order and with proper booleans.
    func tensor(
        file: String, at place: String, fill: (UnsafeMutableRawBufferPointer) throws(ModelFormatError) -> Void
    ) throws(ModelFormatError) -> Tensor {
        do {
            let stored = isFortranOrder ? try Shape(shape.dimensions.reversed()) : shape
            var failure: ModelFormatError?
            let tensor = Tensor(elementType, shape: stored) { buffer in
                if buffer.isEmpty { return }
                do throws(ModelFormatError) { try fill(buffer) } catch { failure = error }
                // Any byte but 0 is true to NumPy; only 0 and 1 are to Swift.
                if elementType == .bool {
                    for index in buffer.indices where buffer[index] > 1 { buffer[index] = 1 }
                }
            }
            if let failure { throw failure }
            return isFortranOrder ? try tensor.permuted(Array((0..<shape.rank).reversed())) : tensor
        } catch let error as ModelFormatError {
            throw error
        } catch {
            throw ModelFormatError(.malformed, file: file, at: place, "\(error)")
        }
    }
}
