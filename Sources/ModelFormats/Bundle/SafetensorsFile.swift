import Glibc
package import TensorEngine

/// A file of named tensors in the safetensors format, apart from any model.
package enum SafetensorsFile {
    /// All tensors, as views of the mapped file.
    /// - Throws: ``ModelFormatError`` when the file cannot be read, is malformed or exceeds a limit.
    package static func tensors(
        of path: String, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> [String: Tensor] {
        try Safetensors.read(try MappedFile(path, limits: limits), limits: limits)
    }

    /// Writes the file beside its place and renames it there: readers find the one before or this one, also after a crash.
    /// - Throws: ``ModelFormatError`` when writing fails.
    package static func write(_ tensors: [String: Tensor], to path: String) throws(ModelFormatError) {
        let temporary = "\(path).new"
        do throws(ModelFormatError) {
            let file = try FileWriter(temporary)
            let (header, order) = Safetensors.layout(tensors)
            try file.write(header)
            for (_, tensor) in order {
                let failure: ModelFormatError? = tensor.withBytes { bytes in
                    do throws(ModelFormatError) { try file.write(bytes) } catch { return error }
                    return nil
                }
                if let failure { throw failure }
            }
            try file.finish()
            guard rename(temporary, path) == 0 else { throw ModelFormatError(writing: path, code: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}
