import Crypto
import Glibc

/// A file's bytes, memory-mapped read-only; unmapped with the last owner of a tensor that borrows from it.
///
/// Models and datasets are immutable: truncating a file while it is mapped is the operator's error.
package final class MappedFile: @unchecked Sendable {
    let path: String
    /// Valid while this object lives; page-aligned.
    package let bytes: UnsafeRawBufferPointer

    convenience init(_ path: String, limits: ModelFormatLimits) throws(ModelFormatError) {
        try self.init(path, maximumByteCount: limits.maximumFileBytes)
    }

    package init(_ path: String, maximumByteCount: Int) throws(ModelFormatError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            throw ModelFormatError(
                code == ENOENT || code == ENOTDIR ? .notFound : .unreadable, file: path, systemMessage(code))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw ModelFormatError(.unreadable, file: path, systemMessage(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelFormatError(.unreadable, file: path, "found something else than a regular file")
        }
        let size = Int(status.st_size)
        guard size <= maximumByteCount else {
            throw ModelFormatError(.tooLarge, file: path, "found \(size) bytes, the limit is \(maximumByteCount)")
        }
        self.path = path
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw ModelFormatError(.unreadable, file: path, systemMessage(errno))
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    deinit {
        if let address = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        }
    }

    /// The SHA-256 of the whole file in lower-case hexadecimal.
    func sha256() -> String {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return hexadecimal(hash.finalize())
    }

    func starts(with signature: [UInt8], at offset: Int = 0) -> Bool {
        offset >= 0 && bytes.count - offset >= signature.count
            && bytes[offset..<(offset + signature.count)].elementsEqual(signature)
    }
}

/// The SHA-256 of `bytes` in lower-case hexadecimal.
func sha256(_ bytes: [UInt8]) -> String {
    hexadecimal(SHA256.hash(data: bytes))
}

func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// `strerror`'s text for an `errno`.
func systemMessage(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}
