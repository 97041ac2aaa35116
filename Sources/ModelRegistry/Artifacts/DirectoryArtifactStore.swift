import FoundationEssentials
import Glibc
public import ModelFormats

/// Bundles as folders of one directory: `<root>/bundles/<digest>/`.
public struct DirectoryArtifactStore: ArtifactStore {
    /// Begins the name of what is being deleted: gone for readers at once, whole until then.
    static let trashPrefix = ".trash-"
    /// Begins the name of what is being fetched from elsewhere.
    static let fetchPrefix = ".fetch-"
    private static let temporaryPrefixes = [ModelBundle.temporaryPrefix, trashPrefix, fetchPrefix]

    public let root: String

    public var location: String { root }

    /// - Throws: ``RegistryError/storeUnusable(path:reason:)`` when the directory is absent and cannot be made.
    public init(root: String) throws(RegistryError) {
        self.root = root
        try Self.makeDirectory(root + "/bundles")
    }

    public func put(_ bundle: ModelBundle) throws -> String {
        let path = try path(of: bundle.digest)
        if contains(bundle.digest) {
            try touch(path)
            return bundle.digest
        }
        do {
            try bundle.write(to: path)
        } catch let error {
            // Another writer of the same contents may have been first.
            guard contains(bundle.digest) else { throw Self.storeError(error, root: root) }
        }
        return bundle.digest
    }

    /// As ``load(digest:)``: the files are here.
    public func bundle(digest: String) throws -> ModelBundle { try load(digest: digest) }

    public func prepare(digest: String) throws {
        _ = try path(of: digest)
        guard contains(digest) else { throw RegistryError.missingEntry(store: root, digest: digest) }
    }

    public func load(digest: String) throws -> ModelBundle {
        try prepare(digest: digest)
        let path = try path(of: digest)
        let bundle = try ModelBundle.load(at: path, verify: true)
        guard bundle.digest == digest else {
            throw RegistryError.damagedEntry(path: path, reason: "its manifest has the digest \(bundle.digest)")
        }
        return bundle
    }

    public func entries() throws -> [ArtifactEntry] {
        try names().filter { ArtifactDigest.isValid($0) }.compactMap { name in
            modified("\(root)/bundles/\(name)").map { ArtifactEntry(digest: name, storedAt: $0) }
        }
    }

    public func remove(digest: String) throws {
        let path = try path(of: digest)
        // Moved away first: a reader finds the whole bundle or none, and a deletion that is cut short can be finished.
        let trash = "\(root)/bundles/\(Self.trashPrefix)\(UUID().uuidString)"
        guard rename(path, trash) == 0 else {
            let code = errno
            if code == ENOENT { return }
            throw Self.storeError(ModelFormatError(writing: path, code: code), root: root)
        }
        try delete(trash)
    }

    public func removeLeftovers(olderThan age: Duration) throws -> Int {
        let oldest = ArtifactClock.milliseconds() - age.components.seconds * 1000
        var count = 0
        for name in try names() where Self.temporaryPrefixes.contains(where: { name.hasPrefix($0) }) {
            let path = "\(root)/bundles/\(name)"
            // What is in the trash was collected already.
            guard name.hasPrefix(Self.trashPrefix) || modified(path).map({ $0 <= oldest }) == true else { continue }
            try delete(path)
            count += 1
        }
        return count
    }

    // MARK: Files

    func contains(_ digest: String) -> Bool { access("\(root)/bundles/\(digest)", F_OK) == 0 }

    func path(of digest: String) throws(RegistryError) -> String {
        try ArtifactDigest.validate(digest, in: root)
        return "\(root)/bundles/\(digest)"
    }

    private func names() throws(RegistryError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: root + "/bundles")
        } catch let error {
            throw .storeUnusable(path: root, reason: "bundles cannot be listed: \(error)")
        }
    }

    private func modified(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? ArtifactClock.milliseconds(status.st_mtim) : nil
    }

    private func touch(_ path: String) throws {
        guard utimensat(AT_FDCWD, path, nil, 0) != 0 else { return }
        let code = errno
        // It was collected at this moment: the caller has to store it again.
        throw code == ENOENT
            ? RegistryError.missingEntry(store: root, digest: path)
            : Self.storeError(ModelFormatError(writing: path, code: code), root: root)
    }

    private func delete(_ path: String) throws {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch let error {
            var status = stat()
            // Another collection may have been at it too.
            guard stat(path, &status) != 0 else {
                throw RegistryError.storeUnusable(path: path, reason: "cannot be deleted: \(error)")
            }
        }
    }

    /// What a failure to write means for the store.
    static func storeError(_ error: ModelFormatError, root: String) -> any Error {
        switch error.reason {
        case .storageFull: RegistryError.storeFull(path: root, reason: error.description)
        case .readOnly: RegistryError.storeReadOnly(path: root, reason: error.description)
        case .unwritable: RegistryError.storeUnusable(path: root, reason: error.description)
        default: error
        }
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
