/// Why the gateway cannot run.
public struct GatewayError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The address that cannot be listened on, `host:port`.
    public let address: String
    /// In the system's words.
    public let reason: String

    public var description: String { "gateway: cannot listen on \(address): \(reason)" }
}
