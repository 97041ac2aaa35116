import Glibc

/// A file's bytes, memory-mapped read-only while this object lives. Truncating a mapped file is the operator's error.
final class FileMapping: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init(_ path: String, maximumByteCount: Int) throws(DataError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DataError(.unreadable, file: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw DataError(.unreadable, file: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw DataError(.unreadable, at: path, "found something else than a regular file")
        }
        let size = Int(status.st_size)
        guard size <= maximumByteCount else {
            throw DataError(.tooLarge, at: path, "found \(size) bytes, at most \(maximumByteCount) are allowed")
        }
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw DataError(.unreadable, file: path, code: errno)
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }
}
