import Glibc
import TensorEngine

/// The file that a model is read from, and the files of external data beside it.
final class ONNXSource {
    let file: MappedFile
    let limits: ModelFormatLimits
    private var externals: [String: MappedFile] = [:]

    init(_ file: MappedFile, limits: ModelFormatLimits) {
        self.file = file
        self.limits = limits
    }

    /// The bytes of a tensor outside the model's file (ONNX IR, "External Tensor Data"). The location is a relative path
    /// that stays in the model's folder, through symbolic links too.
    func externalBytes(
        _ entries: [String: String], byteCount: Int
    ) throws(WireError) -> (bytes: UnsafeRawBufferPointer, owner: MappedFile) {
        guard let location = entries["location"], !location.isEmpty else {
            throw WireError("external data without a location")
        }
        func number(_ key: String) throws(WireError) -> Int? {
            guard let text = entries[key] else { return nil }
            guard let value = Int(text), value >= 0 else {
                throw WireError("external data has the \(key) '\(text)', expected a number of bytes")
            }
            return value
        }
        let offset = try number("offset") ?? 0
        let data = try open(location)
        guard offset <= data.bytes.count else {
            throw WireError("external data at \(offset) of '\(location)', which has \(data.bytes.count) bytes")
        }
        let length = try number("length") ?? data.bytes.count - offset
        guard length == byteCount else {
            throw WireError("external data has \(length) bytes, the shape takes \(byteCount)")
        }
        guard length <= data.bytes.count - offset else {
            throw WireError(
                "external data ends at \(offset) + \(length) of '\(location)', which has \(data.bytes.count) bytes")
        }
        return (UnsafeRawBufferPointer(rebasing: data.bytes[offset..<(offset + length)]), data)
    }

    private func open(_ location: String) throws(WireError) -> MappedFile {
        if let found = externals[location] { return found }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.hasPrefix("/"), !parts.contains(".."), !location.utf8.contains(0) else {
            throw WireError("external data at '\(location)', expected a path inside the model's folder")
        }
        guard externals.count < limits.maximumEntries else { throw WireError("too many files of external data") }
        let folder = file.path.lastIndex(of: "/").map { String(file.path[..<$0]) } ?? "."
        let root = folder.isEmpty ? "/" : folder
        guard let home = Self.resolved(root), let path = Self.resolved("\(root)/\(location)") else {
            throw WireError("external data '\(location)' cannot be opened: \(systemMessage(errno))")
        }
        guard path.hasPrefix(home == "/" ? "/" : home + "/") else {
            throw WireError("external data at '\(location)' lies outside the model's folder")
        }
        do {
            let data = try MappedFile(path, limits: limits)
            externals[location] = data
            return data
        } catch {
            throw WireError("external data '\(location)': \(error.message)")
        }
    }

    private static func resolved(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }
}
