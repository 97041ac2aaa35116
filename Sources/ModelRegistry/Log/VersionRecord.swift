/// What the registry topic says of a version; the rest is in the bundle's manifest.
public struct VersionRecord: Sendable, Hashable {
    public var identity: ModelVersion.Identity
    /// Of the bundle: its address in the artifact store.
    public var digest: String
    /// The SHA-256 of `weights.safetensors`.
    public var weightsSHA256: String
    /// The SHA-256 of `graph.json`.
    public var graphSHA256: String
    /// Where the model came from, as `keras`.
    public var framework: String?

    public init(
        identity: ModelVersion.Identity, digest: String, weightsSHA256: String, graphSHA256: String,
        framework: String? = nil
    ) {
        self.identity = identity
        self.digest = digest
        self.weightsSHA256 = weightsSHA256
        self.graphSHA256 = graphSHA256
        self.framework = framework
    }

    public var version: ModelVersion { ModelVersion(identity: identity, digest: digest) }
}
