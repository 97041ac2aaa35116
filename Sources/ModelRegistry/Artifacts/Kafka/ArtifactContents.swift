import JSONDocuments
import ModelFormats

/// A bundle's table of contents on the artifact topic: written last, so that who finds it finds all the chunks.
struct ArtifactContents: Sendable, Hashable {
    struct File: Sendable, Hashable {
        var name: String
        var byteCount: Int
    }

    /// Of the record; this code writes and reads 1.
    static let formatVersion = 1
    private static let maximumChunkBytes = 1 << 30
    private static let maximumChunks = 1 << 24

    var digest: String
    /// Bytes of every chunk of a file but its last.
    var chunkBytes: Int
    var files: [File]
    /// The partition of the chunks.
    var partition: Int32
    /// No chunk lies before it.
    var firstOffset: Int64

    var chunkCount: Int { files.reduce(0) { $0 + chunkCount(of: $1) } }

    func chunkCount(of file: File) -> Int { (file.byteCount + chunkBytes - 1) / chunkBytes }

    func chunkRange(_ index: Int, of file: File) -> Range<Int> {
        index * chunkBytes..<min((index + 1) * chunkBytes, file.byteCount)
    }

    var chunkKeys: [ArtifactKey] {
        files.flatMap { file in
            (0..<chunkCount(of: file)).map { ArtifactKey.chunk(digest: digest, file: file.name, index: $0) }
        }
    }
}

extension ArtifactContents {
    var json: JSONValue {
        .object([
            "formatVersion": .integer(Int64(Self.formatVersion)),
            "digest": .string(digest),
            "chunkBytes": .integer(Int64(chunkBytes)),
            "partition": .integer(Int64(partition)),
            "firstOffset": .integer(firstOffset),
            "files": .array(
                files.map { .object(["name": .string($0.name), "bytes": .integer(Int64($0.byteCount))]) }),
        ])
    }

    /// - Throws: ``RegistryError/damagedEntry(path:reason:)``: these are bytes from outside.
    init(_ bytes: ArraySlice<UInt8>, digest: String, topic: String) throws(RegistryError) {
        do {
            try self.init(reading: JSONCursor(try JSONValue(parsing: Array(bytes)), path: ""))
        } catch let error {
            throw .damagedEntry(path: "\(topic)/\(digest)", reason: "\(error)")
        }
        guard self.digest == digest else {
            throw .damagedEntry(path: "\(topic)/\(digest)", reason: "it is the contents of \(self.digest)")
        }
    }

    private init(reading root: JSONCursor) throws(JSONError) {
        let format = try root.member("formatVersion")
        guard try format.integer() == Self.formatVersion else {
            throw format.failure("found \(try format.integer()), supported is \(Self.formatVersion)")
        }
        digest = try root.member("digest").string()
        let chunk = try root.member("chunkBytes")
        chunkBytes = try chunk.integer()
        guard (1...Self.maximumChunkBytes).contains(chunkBytes) else {
            throw chunk.failure("found \(chunkBytes), expected 1 to \(Self.maximumChunkBytes)")
        }
        let number = try root.member("partition")
        guard let partition = Int32(exactly: try number.integer()), partition >= 0 else {
            throw number.failure("not the number of a partition")
        }
        self.partition = partition
        firstOffset = Int64(try root.member("firstOffset").integer())
        files = []
        for cursor in try root.member("files").elements() {
            let name = try cursor.member("name")
            let size = try cursor.member("bytes")
            let file = File(name: try name.string(), byteCount: try size.integer())
            // The names become paths.
            guard ModelBundle.fileNames.contains(file.name), !files.contains(where: { $0.name == file.name }) else {
                throw name.failure("found \"\(file.name)\", expected one of \(ModelBundle.fileNames), each once")
            }
            guard (0...ModelFormatLimits.default.maximumFileBytes).contains(file.byteCount),
                file.byteCount / chunkBytes < Self.maximumChunks
            else { throw size.failure("found \(file.byteCount), which is beyond the limit of a file") }
            files.append(file)
        }
        guard files.count == ModelBundle.fileNames.count else {
            throw root.failure("files: found \(files.map(\.name)), expected \(ModelBundle.fileNames)")
        }
    }
}
