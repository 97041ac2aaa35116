import CZip
import Glibc

/// A zip archive, open for reading or being written; closed with its owner, a written one only by ``finish()``.
final class ZipArchive {
    struct Entry {
        let name: String
        let size: Int
        let compressedSize: Int
    }

    private let path: String
    private var archive: OpaquePointer?

    init(opening path: String) throws(ModelFormatError) {
        self.path = path
        self.archive = try Self.open(path, flags: ZIP_RDONLY)
    }

    init(creating path: String) throws(ModelFormatError) {
        self.path = path
        self.archive = try Self.open(path, flags: ZIP_CREATE | ZIP_TRUNCATE)
    }

    deinit {
        if let archive { zip_discard(archive) }
    }

    private static func open(_ path: String, flags: Int32) throws(ModelFormatError) -> OpaquePointer {
        var code: Int32 = 0
        guard let archive = zip_open(path, flags, &code) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, code)
            defer { zip_error_fini(&error) }
            let message = zip_error_strerror(&error).map { String(cString: $0) } ?? "error \(code)"
            throw ModelFormatError(
                flags == ZIP_RDONLY ? .malformed : .unwritable, file: path,
                "the zip archive cannot be opened: \(message)")
        }
        return archive
    }

    /// Never negative; 0 after ``finish()``.
    var entryCount: Int { archive.map { max(Int(zip_get_num_entries($0, 0)), 0) } ?? 0 }

    func entry(_ index: Int) throws(ModelFormatError) -> Entry {
        var status = zip_stat_t()
        let needed = UInt64(ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE)
        guard let archive, zip_stat_index(archive, UInt64(index), 0, &status) == 0, status.valid & needed == needed,
            let name = status.name
        else { throw failure(.malformed, "entry \(index)") }
        if status.valid & UInt64(ZIP_STAT_ENCRYPTION_METHOD) != 0, status.encryption_method != 0 {
            throw ModelFormatError(
                .unsupported, file: path, at: "entry '\(String(cString: name))'", "the entry is encrypted")
        }
        guard let size = Int(exactly: status.size), let compressedSize = Int(exactly: status.comp_size) else {
            throw ModelFormatError(.malformed, file: path, at: "entry \(index)", "its size overflows")
        }
        return Entry(name: String(cString: name), size: size, compressedSize: compressedSize)
    }

    func reader(_ index: Int, _ place: String) throws(ModelFormatError) -> Reader {
        guard let archive, let file = zip_fopen_index(archive, UInt64(index), 0) else {
            throw failure(.malformed, place)
        }
        return Reader(file, archive: self, path: path, place: place)
    }

    /// Adds an entry from memory of `malloc`, which this takes over.
    func add(
        _ name: String, takingMalloced bytes: UnsafeMutableRawBufferPointer, compressed: Bool
    ) throws(ModelFormatError) {
        guard let archive, let source = zip_source_buffer(archive, bytes.baseAddress, UInt64(bytes.count), 1) else {
            free(bytes.baseAddress)
            throw failure(.unwritable, "entry '\(name)'")
        }
        let index = zip_file_add(archive, name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
        guard index >= 0 else {
            zip_source_free(source)
            throw failure(.unwritable, "entry '\(name)'")
        }
        let method = compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE
        // The zip format's first day, so that equal arrays are equal files.
        guard zip_set_file_compression(archive, UInt64(index), method, 0) == 0,
            zip_file_set_dostime(archive, UInt64(index), 0, 0x21, 0) == 0
        else { throw failure(.unwritable, "entry '\(name)'") }
    }

    /// Writes the archive.
    func finish() throws(ModelFormatError) {
        guard let archive else { return }
        guard zip_close(archive) == 0 else { throw failure(.unwritable, "") }
        self.archive = nil
    }

    private func failure(_ reason: ModelFormatError.Reason, _ place: String) -> ModelFormatError {
        let message = archive.flatMap { zip_strerror($0) }.map { String(cString: $0) } ?? "the archive is closed"
        return ModelFormatError(reason, file: path, at: place, message)
    }

    /// The unpacked bytes of one entry.
    final class Reader {
        private let file: OpaquePointer
        /// Must outlive the entry.
        private let archive: ZipArchive
        private let path: String
        private let place: String

        init(_ file: OpaquePointer, archive: ZipArchive, path: String, place: String) {
            self.file = file
            self.archive = archive
            self.path = path
            self.place = place
        }

        deinit { zip_fclose(file) }

        /// Reads exactly as many bytes as `buffer` has.
        func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(ModelFormatError) {
            var position = 0
            while position < buffer.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[position...])
                let count = Int(zip_fread(file, rest.baseAddress, UInt64(rest.count)))
                guard count >= 0 else { throw failure() }
                guard count > 0 else {
                    throw ModelFormatError(.truncated, file: path, at: place, "the entry ends too early")
                }
                position += count
            }
        }

        /// Reads the end, which is where the checksum is compared.
        func finish() throws(ModelFormatError) {
            var byte: UInt8 = 0
            let count = zip_fread(file, &byte, 1)
            guard count >= 0 else { throw failure() }
            guard count == 0 else {
                throw ModelFormatError(.malformed, file: path, at: place, "the entry is longer than it says")
            }
        }

        private func failure() -> ModelFormatError {
            let message = zip_file_strerror(file).map { String(cString: $0) } ?? "it cannot be read"
            return ModelFormatError(.malformed, file: path, at: place, message)
        }
    }
}
