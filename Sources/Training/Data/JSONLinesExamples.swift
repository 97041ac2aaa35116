import Glibc

/// The rows of a file of JSON objects, one a line, as examples, read in bounded memory. Empty lines are skipped.
public final class JSONLinesExamples {
    private let path: String
    private let decoder: RecordDecoder
    private let maximumRecordBytes: Int
    private let descriptor: Int32
    private var chunk: [UInt8] = []
    private var position = 0
    private var hasEnded = false
    private var line = 0
    private var row = 0
    private static let chunkSize = 1 << 18

    /// - Throws: ``DataError`` when the file cannot be read.
    public init(_ path: String, schema: DatasetSchema, limits: DataLimits = .default) throws(DataError) {
        self.path = path
        decoder = RecordDecoder(schema, limits: limits)
        maximumRecordBytes = limits.maximumRecordBytes
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DataError(.unreadable, file: path, code: errno) }
    }

    deinit { close(descriptor) }

    /// Where the last example is, as `data.jsonl: line 12`.
    public var place: String { "\(path): line \(line)" }

    /// The next example, nil at the end.
    /// - Throws: ``DataError`` naming the line. Reading goes on with the next one, unless the line is too long.
    public func next() throws(DataError) -> Example? {
        while let bytes = try nextLine() {
            let isBlank = bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            if isBlank { continue }
            defer { row += 1 }
            do throws(DataError) { return try decoder.decode(bytes, provenance: .row(row)) } catch {
                throw error.inside(place)
            }
        }
        return nil
    }

    private func nextLine() throws(DataError) -> ArraySlice<UInt8>? {
        var searched = position
        while true {
            if let newline = chunk[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = newline + 1 }
                line += 1
                return chunk[position..<newline]
            }
            guard chunk.count - position <= maximumRecordBytes else {
                throw DataError(
                    .tooLarge, at: "\(path): line \(line + 1)",
                    "the record has more than the \(maximumRecordBytes) bytes that are allowed")
            }
            guard !hasEnded else {
                guard position < chunk.count else { return nil }
                defer { position = chunk.count }
                line += 1
                return chunk[position...]
            }
            searched = chunk.count - position
            try readMore()
        }
    }

    private func readMore() throws(DataError) {
        chunk.removeSubrange(..<position)
        position = 0
        let held = chunk.count
        chunk.append(contentsOf: repeatElement(0, count: Self.chunkSize))
        var count = 0
        var code: Int32 = 0
        repeat {
            count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + held }, Self.chunkSize) }
            code = errno
        } while count < 0 && code == EINTR
        chunk.removeLast(Self.chunkSize - max(count, 0))
        guard count >= 0 else { throw DataError(.unreadable, file: path, code: code) }
        hasEnded = count == 0
    }
}
