public import ModelFormats

/// Where model bundles lie, each under the digest of its contents: what is stored never changes.
public protocol ArtifactStore: Sendable {
    /// Stores a bundle; storing the same one again changes nothing.
    /// - Returns: its digest.
    func put(_ bundle: ModelBundle) throws -> String

    /// The bundle with this digest, verified.
    /// - Throws: when there is none, or when its files do not match their digests.
    func bundle(digest: String) throws -> ModelBundle
}
