import CZip
import Glibc
public import TensorEngine

/// Named NumPy arrays: `.npz`, as `numpy.savez` and `numpy.savez_compressed` write them.
public enum NumPyArchive {
    /// Reads every array, in the archive's order, named without the ending ".npy".
    /// - Throws: ``ModelFormatError`` naming the entry, also for one that unpacks beyond `limits`.
    public static func read(
        _ path: String, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> [(name: String, tensor: Tensor)] {
        // Names the usual errors better than the library does, and checks the size.
        guard isArchive(try MappedFile(path, limits: limits)) else {
            throw ModelFormatError(.unknownFormat, file: path, "not a NumPy archive (.npz): it is no zip file")
        }
        let archive = try ZipArchive(opening: path)
        let count = archive.entryCount
        guard count <= limits.maximumEntries else {
            throw ModelFormatError(
                .tooLarge, file: path, "found \(count) entries, the limit is \(limits.maximumEntries)")
        }
        var result: [(name: String, tensor: Tensor)] = []
        var names: Set<String> = []
        var total = 0
        for index in 0..<count {
            let entry = try archive.entry(index)
            let place = "entry '\(entry.name)'"
            guard entry.name.hasSuffix(".npy") else {
                throw ModelFormatError(.unsupported, file: path, at: place, "expected only NumPy arrays (.npy)")
            }
            let name = String(entry.name.dropLast(4))
            guard names.insert(name).inserted else {
                throw ModelFormatError(.malformed, file: path, at: place, "the name occurs twice")
            }
            guard limits.allows(uncompressed: entry.size, from: entry.compressedSize) else {
                throw ModelFormatError(
                    .tooLarge, file: path, at: place,
                    "\(entry.compressedSize) bytes claim to unpack to \(entry.size)")
            }
            let (sum, overflow) = total.addingReportingOverflow(entry.size)
            guard !overflow, sum <= limits.maximumTotalBytes else {
                throw ModelFormatError(
                    .tooLarge, file: path, at: place, "all arrays exceed \(limits.maximumTotalBytes) bytes")
            }
            total = sum
            result.append((name, try tensor(archive, index, entry, path, place, limits)))
        }
        return result
    }

    private static func tensor(
        _ archive: ZipArchive, _ index: Int, _ entry: ZipArchive.Entry, _ path: String, _ place: String,
        _ limits: ModelFormatLimits
    ) throws(ModelFormatError) -> Tensor {
        let reader = try archive.reader(index, place)
        var headerBytes = 0
        let header = try NumPyHeader(file: path, at: place, limits: limits) {
            (count) throws(ModelFormatError) -> [UInt8] in
            var bytes = [UInt8](repeating: 0, count: count)
            var failure: ModelFormatError?
            bytes.withUnsafeMutableBytes { buffer in
                do throws(ModelFormatError) { try reader.fill(buffer) } catch { failure = error }
            }
            if let failure { throw failure }
            headerBytes += count
            return bytes
        }
        let expected = header.shape.elementCount * header.elementType.byteCount
        // Checked before the memory is taken: the size is what the ratio was checked for.
        guard entry.size - headerBytes == expected else {
            throw ModelFormatError(
                entry.size - headerBytes < expected ? .truncated : .malformed, file: path, at: place,
                "found \(entry.size - headerBytes) bytes of data, expected \(expected) for \(header.shape)")
        }
        let tensor = try header.tensor(file: path, at: place) { (target) throws(ModelFormatError) in
            try reader.fill(target)
        }
        try reader.finish()
        return tensor
    }

    /// Writes the arrays in this order; the bytes depend on them alone.
    /// - Throws: ``ModelFormatError`` when the file cannot be written or a tensor has no NumPy form.
    public static func write(
        _ arrays: [(name: String, tensor: Tensor)], to path: String, compressed: Bool = false
    ) throws(ModelFormatError) {
        let archive = try ZipArchive(creating: path)
        for (name, tensor) in arrays {
            let header = try NumPyFile.header(of: tensor, file: path, at: "entry '\(name).npy'")
            let count = header.count + tensor.byteCount
            // Freed by the archive.
            guard let memory = malloc(count) else {
                throw ModelFormatError(.tooLarge, file: path, at: "entry '\(name).npy'", "no memory for \(count) bytes")
            }
            let buffer = UnsafeMutableRawBufferPointer(start: memory, count: count)
            buffer.copyBytes(from: header)
            tensor.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[header.count...]).copyMemory(from: $0) }
            try archive.add("\(name).npy", takingMalloced: buffer, compressed: compressed)
        }
        try archive.finish()
    }

    /// Local file header, or the end record of an empty archive.
    static func isArchive(_ file: MappedFile) -> Bool {
        file.starts(with: [0x50, 0x4B, 0x03, 0x04]) || file.starts(with: [0x50, 0x4B, 0x05, 0x06])
    }
}
