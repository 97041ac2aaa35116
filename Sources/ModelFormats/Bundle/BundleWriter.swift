import Glibc
import JSONDocuments
import TensorEngine

/// Writes a bundle beside its destination and renames it there.
struct BundleWriter {
    private let path: String
    private let parent: String
    private let durably: Bool

    init(_ path: String, durably: Bool) throws(ModelFormatError) {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        guard let name = trimmed.split(separator: "/").last, name != ".", name != ".." else {
            throw ModelFormatError(.unwritable, file: path, "not the name of a folder")
        }
        self.path = String(trimmed)
        self.durably = durably
        let folder = trimmed.dropLast(name.count)
        parent = folder.isEmpty ? "." : String(folder)
    }

    func write(_ manifest: Manifest, _ content: BundleContent) throws(ModelFormatError) {
        var status = stat()
        guard lstat(path, &status) != 0 else {
            throw ModelFormatError(.unwritable, file: path, "exists already; a bundle is never overwritten")
        }
        let temporary = try makeTemporaryFolder()
        do throws(ModelFormatError) {
            try writeFiles(manifest, content, in: temporary)
            // Fails when another writer was faster: a folder with files in it is not replaced.
            guard rename(temporary, path) == 0 else {
                throw ModelFormatError(writing: path, code: errno)
            }
        } catch {
            for name in [ModelBundle.manifestName, ModelBundle.graphName, ModelBundle.weightsName] {
                unlink("\(temporary)/\(name)")
            }
            rmdir(temporary)
            throw error
        }
        try synchronize(parent)
    }

    private func makeTemporaryFolder() throws(ModelFormatError) -> String {
        var template = Array("\(parent)/\(ModelBundle.temporaryPrefix)XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) } != nil
        }
        guard made else { throw ModelFormatError(writing: path, code: errno) }
        let name = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // `mkdtemp` makes it private; a bundle is as readable as any file.
        guard chmod(name, 0o755) == 0 else { throw ModelFormatError(writing: path, code: errno) }
        return name
    }

    private func writeFiles(
        _ manifest: Manifest, _ content: BundleContent, in folder: String
    ) throws(ModelFormatError) {
        let weights = try FileWriter("\(folder)/\(ModelBundle.weightsName)")
        try weights.write(content.weightsHeader)
        for (_, tensor) in content.weights {
            var failure: ModelFormatError?
            tensor.withBytes { bytes in
                do throws(ModelFormatError) { try weights.write(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try weights.finish(durably: durably)
        let graph = try FileWriter("\(folder)/\(ModelBundle.graphName)")
        try graph.write(content.graph)
        try graph.finish(durably: durably)
        let manifestFile = try FileWriter("\(folder)/\(ModelBundle.manifestName)")
        try manifestFile.write(manifest.json.serialized(.indented))
        try manifestFile.finish(durably: durably)
        try synchronize(folder)
    }

    /// Brings a folder's entries to the disk.
    private func synchronize(_ folder: String) throws(ModelFormatError) {
        guard durably else { return }
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ModelFormatError(writing: folder, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw ModelFormatError(writing: folder, code: errno) }
    }
}
