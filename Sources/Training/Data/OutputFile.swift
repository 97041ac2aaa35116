import Glibc

/// A file that is written from its beginning, through a buffer; removed unless ``close()`` was called.
final class OutputFile {
    let path: String
    /// Bytes written so far, buffered ones included.
    private(set) var byteCount = 0
    private let maximumByteCount: Int
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 18

    init(_ path: String, maximumByteCount: Int) throws(DataError) {
        self.path = path
        self.maximumByteCount = maximumByteCount
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DataError(.unwritable, file: path, code: errno) }
        buffer.reserveCapacity(Self.bufferSize)
    }

    deinit { discard() }

    /// Removes the file, unless it has its name.
    func discard() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
        unlink(path)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
        guard byteCount + bytes.count <= maximumByteCount else {
            throw DataError(
                .tooLarge, at: path, "the rows take more than the \(maximumByteCount) bytes that are allowed")
        }
        byteCount += bytes.count
        if buffer.count + bytes.count > Self.bufferSize { try flush() }
        if bytes.count >= Self.bufferSize { return try writeThrough(bytes) }
        buffer.append(contentsOf: bytes)
    }

    func write(_ bytes: [UInt8]) throws(DataError) {
        try bytes.withUnsafeBytes { (bytes) -> Result<Void, DataError> in
            Result { () throws(DataError) in try write(bytes) }
        }.get()
    }

    /// Appends all that another file holds.
    func write(contentsOf other: OutputFile) throws(DataError) {
        try other.flush()
        var chunk = [UInt8](repeating: 0, count: Self.bufferSize)
        var position = 0
        while position < other.byteCount {
            let count = pread(other.descriptor, &chunk, chunk.count, off_t(position))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw DataError(.unreadable, file: other.path, code: count < 0 ? errno : EIO) }
            try write(Array(chunk[..<count]))
            position += count
        }
    }

    private func flush() throws(DataError) {
        guard !buffer.isEmpty else { return }
        let bytes = buffer
        buffer.removeAll(keepingCapacity: true)
        try bytes.withUnsafeBytes { (bytes) -> Result<Void, DataError> in
            Result { () throws(DataError) in try writeThrough(bytes) }
        }.get()
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw DataError(.unwritable, file: path, code: errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Brings the bytes to the disk and gives the file its name.
    func close(renamingTo target: String) throws(DataError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw DataError(.unwritable, file: path, code: errno) }
        guard rename(path, target) == 0 else { throw DataError(.unwritable, file: target, code: errno) }
        Glibc.close(descriptor)
        descriptor = -1
    }
}
