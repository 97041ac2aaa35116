import FoundationEssentials
import Glibc
public import ModelFormats

/// Bundles as folders of one directory: `<root>/bundles/<digest>/`.
public struct DirectoryArtifactStore: ArtifactStore {
    public let root: String

    /// - Throws: ``RegistryError/storeUnusable(path:reason:)`` when the directory is absent and cannot be made.
    public init(root: String) throws(RegistryError) {
        self.root = root
        try Self.makeDirectory(root + "/bundles")
    }

    public func put(_ bundle: ModelBundle) throws -> String {
        let path = try bundlePath(bundle.digest)
        if FileManager.default.fileExists(atPath: path) { return bundle.digest }
        do {
            try bundle.write(to: path)
        } catch let error {
            // Another writer of the same contents may have been first.
            guard FileManager.default.fileExists(atPath: path) else { throw error }
        }
        return bundle.digest
    }

    public func bundle(digest: String) throws -> ModelBundle {
        let path = try bundlePath(digest)
        let bundle = try ModelBundle.load(at: path, verify: true)
        guard bundle.digest == digest else {
            throw RegistryError.damagedEntry(path: path, reason: "its manifest has the digest \(bundle.digest)")
        }
        return bundle
    }

    private func bundlePath(_ digest: String) throws(RegistryError) -> String {
        let isDigest = digest.utf8.count == 64 && digest.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        guard isDigest else {
            throw .damagedEntry(path: root, reason: "\"\(digest)\" is not a SHA-256 in lower-case hexadecimal")
        }
        return "\(root)/bundles/\(digest)"
    }

    /// Makes the directory and those above it.
    static func makeDirectory(_ path: String) throws(RegistryError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            prefix += prefix.isEmpty || prefix == "/" ? component : "/" + component
            guard mkdir(prefix, 0o777) != 0 else { continue }
            let code = errno
            // Asked after the attempt: another process may be making it too, and a read-only file system refuses to make
            // what it already has.
            var status = stat()
            if stat(prefix, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { continue }
            throw .storeUnusable(path: path, reason: "\(prefix) cannot be made: \(String(cString: strerror(code)))")
        }
    }
}
