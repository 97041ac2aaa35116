public import Hummingbird

/// The answer to `GET /v2`: the Open Inference Protocol's server metadata.
public struct ServerMetadata: Sendable, Hashable, ResponseEncodable {
    public let name: String
    public let version: String
    /// Protocol extensions this server speaks.
    public let extensions: [String]

    public init(name: String = "millrace", version: String, extensions: [String] = []) {
        self.name = name
        self.version = version
        self.extensions = extensions
    }
}
