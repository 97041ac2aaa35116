public import ModelFormats

/// Where model bundles lie, each under the digest of its contents: what is stored never changes.
///
/// A bundle appears whole or not at all, also when the writer is killed meanwhile.
public protocol ArtifactStore: Sendable {
    /// Where it is, for messages.
    var location: String { get }

    /// Stores a bundle; storing the same one again changes nothing but its age.
    /// - Returns: its digest.
    /// - Throws: ``RegistryError/storeFull(path:reason:)``, ``RegistryError/storeReadOnly(path:reason:)`` or
    ///   ``RegistryError/storeUnusable(path:reason:)``.
    func put(_ bundle: ModelBundle) async throws -> String

    /// Brings a bundle's files to this host, where they are not yet.
    /// - Throws: ``RegistryError/missingEntry(store:digest:)``; ``RegistryError/damagedEntry(path:reason:)``.
    func prepare(digest: String) async throws

    /// The prepared bundle with this digest, verified, its weights mapped. Reads every byte: nothing for a thread that others
    /// wait for.
    /// - Throws: ``RegistryError/missingEntry(store:digest:)``; ``RegistryError/damagedEntry(path:reason:)`` or
    ///   `ModelFormatError` naming the file whose contents are not what they were.
    func load(digest: String) throws -> ModelBundle

    /// What is stored, by digest.
    func entries() async throws -> [ArtifactEntry]

    /// Removes a bundle; one that is not there is no error. Whoever has it loaded keeps it.
    func remove(digest: String) async throws

    /// Removes what killed writers left that is older than `age`.
    /// - Returns: how many such things there were.
    func removeLeftovers(olderThan age: Duration) async throws -> Int
}

extension ArtifactStore {
    /// The bundle with this digest, verified.
    /// - Throws: as ``prepare(digest:)`` and ``load(digest:)``.
    public func bundle(digest: String) async throws -> ModelBundle {
        try await prepare(digest: digest)
        do {
            return try load(digest: digest)
        } catch {
            // A damaged copy has been thrown away.
            try await prepare(digest: digest)
            return try load(digest: digest)
        }
    }
}

/// One stored bundle.
public struct ArtifactEntry: Sendable, Hashable {
    public var digest: String
    /// When it was last put, in milliseconds since 1970-01-01 UTC.
    public var storedAt: Int64

    public init(digest: String, storedAt: Int64) {
        self.digest = digest
        self.storedAt = storedAt
    }
}

/// A bundle's address.
enum ArtifactDigest {
    /// Whether it is a SHA-256 in lower-case hexadecimal: safe as a file name and as a part of a key.
    static func isValid(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    static func validate(_ digest: String, in store: String) throws(RegistryError) {
        guard isValid(digest) else {
            throw .damagedEntry(path: store, reason: "\"\(digest)\" is not a SHA-256 in lower-case hexadecimal")
        }
    }
}
