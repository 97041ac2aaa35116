import Glibc

/// Writes one file from its beginning; after an error what was written so far remains.
final class FileWriter {
    private let path: String
    private var descriptor: Int32

    init(_ path: String) throws(ModelFormatError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ModelFormatError(writing: path, code: errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func write(_ bytes: [UInt8]) throws(ModelFormatError) {
        var failure: ModelFormatError?
        bytes.withUnsafeBytes { buffer in
            do throws(ModelFormatError) { try write(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFormatError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw ModelFormatError(writing: path, code: errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Brings the bytes to the disk, if asked to, and closes the file.
    func finish(durably: Bool = true) throws(ModelFormatError) {
        let synced = durably ? fsync(descriptor) : 0
        let code = errno
        let closed = close(descriptor)
        descriptor = -1
        guard synced == 0, closed == 0 else {
            throw ModelFormatError(writing: path, code: synced == 0 ? errno : code)
        }
    }
}
