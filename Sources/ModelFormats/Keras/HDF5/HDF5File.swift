import CHDF5
import Synchronization

/// An HDF5 file, open for reading inside ``withFile(_:limits:_:)``.
///
/// Debian's libhdf5 is not thread-safe: one lock surrounds every use, for as long as a file is open.
/// Only hard links are followed and only data inside the file is read, so that a file cannot name another one.
package struct HDF5File {
    package let path: String
    package let limits: ModelFormatLimits
    /// The length of the file.
    let fileBytes: Int
    let root: HDF5Handle

    private static let lock = Mutex<Void>(())
    /// At the start, or after a user block of 512, 1024, 2048 … bytes (HDF5 File Format Specification, II.A).
    static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let maximumLinkDepth = 16

    private init(
        path: String, fileBytes: Int, limits: ModelFormatLimits, opening open: () -> hid_t
    ) throws(ModelFormatError) {
        self.path = path
        self.fileBytes = fileBytes
        self.limits = limits
        let file = open()
        guard file >= 0 else {
            throw ModelFormatError(
                .malformed, file: path, "the HDF5 library cannot open it: truncated, damaged or still being written")
        }
        self.root = HDF5Handle(file, close: H5Fclose)
    }

    /// Opens the file, after checking its signature, and calls `body` under the library's lock.
    package static func withFile<Result: Sendable>(
        _ path: String, limits: ModelFormatLimits, _ body: (HDF5File) throws(ModelFormatError) -> Result
    ) throws(ModelFormatError) -> Result {
        let file = try MappedFile(path, limits: limits)
        guard !file.bytes.isEmpty else {
            throw ModelFormatError(.truncated, file: path, "the file is empty")
        }
        guard isHDF5(file) else {
            throw ModelFormatError(.unknownFormat, file: path, "not an HDF5 file: its signature is missing")
        }
        return try lock.withLock { (_) throws(ModelFormatError) -> Result in
            millrace_h5_silence()
            // Filters are not to be loaded from the folder an environment variable names.
            H5PLset_loading_state(0)
            let opened = try HDF5File(path: path, fileBytes: file.bytes.count, limits: limits) {
                H5Fopen(path, millrace_h5_read_only(), millrace_h5_default())
            }
            return try body(opened)
        }
    }

    /// Opens a file that lies in memory, as an archive's entry, and calls `body` under the library's lock.
    /// - Parameter path: for messages.
    static func withImage<Result: Sendable>(
        _ image: [UInt8], path: String, limits: ModelFormatLimits,
        _ body: (HDF5File) throws(ModelFormatError) -> Result
    ) throws(ModelFormatError) -> Result {
        try lock.withLock { (_) throws(ModelFormatError) -> Result in
            millrace_h5_silence()
            H5PLset_loading_state(0)
            let opened = try HDF5File(path: path, fileBytes: image.count, limits: limits) {
                image.withUnsafeBytes { millrace_h5_open_image($0.baseAddress, $0.count) }
            }
            return try body(opened)
        }
    }

    static func isHDF5(_ file: MappedFile) -> Bool {
        var offset = 0
        while offset < file.bytes.count {
            if file.starts(with: signature, at: offset) { return true }
            offset = offset == 0 ? 512 : offset * 2
        }
        return false
    }

    /// Whether `parent` has a hard link of this name.
    func hasGroup(_ name: String) -> Bool {
        millrace_h5_is_hard_link(root.id, name) == 1
    }

    /// The object at `path`, every component a hard link.
    func open(_ components: [Substring], at location: String) throws(ModelFormatError) -> HDF5Handle {
        guard !components.isEmpty, components.count <= Self.maximumLinkDepth else {
            throw ModelFormatError(
                .malformed, file: path, at: location,
                "found a path of \(components.count) names, expected 1 to \(Self.maximumLinkDepth)")
        }
        var current: HDF5Handle?
        for component in components {
            let name = String(component)
            guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0) else {
                throw ModelFormatError(.malformed, file: path, at: location, "'\(name)' is not the name of an object")
            }
            let parent = current?.id ?? root.id
            switch millrace_h5_is_hard_link(parent, name) {
            case 1: break
            case 0:
                throw ModelFormatError(
                    .unsupported, file: path, at: location,
                    "'\(name)' is a soft or external link; only data inside the file is read")
            default:
                throw ModelFormatError(.missing, file: path, at: location, "the file has no object '\(name)'")
            }
            let object = H5Oopen(parent, name, millrace_h5_default())
            guard object >= 0 else {
                throw ModelFormatError(.malformed, file: path, at: location, "the object '\(name)' is damaged")
            }
            current = HDF5Handle(object, close: H5Oclose)
        }
        guard let current else {
            throw ModelFormatError(.malformed, file: path, at: location, "an empty path")
        }
        return current
    }
}

/// One identifier of the library, closed with its last owner. Used under the library's lock only.
final class HDF5Handle {
    let id: hid_t
    private let closeFunction: (hid_t) -> herr_t

    init(_ id: hid_t, close: @escaping (hid_t) -> herr_t) {
        self.id = id
        self.closeFunction = close
    }

    deinit { _ = closeFunction(id) }
}
