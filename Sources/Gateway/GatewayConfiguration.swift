/// Where the HTTP gateway listens and what it accepts.
public struct GatewayConfiguration: Sendable, Equatable {
    /// Address to bind; loopback by default, so that nothing is exposed unasked.
    public var host: String
    /// Port to bind; 0 takes a free one.
    public var port: Int
    /// A larger request body is answered 413.
    public var maximumBodyBytes: Int
    /// All header fields of a request together, in bytes.
    public var maximumHeaderBytes: Int
    /// Further connections wait in the system's queue.
    public var maximumConnections: Int
    /// A connection without a request, or with an unfinished header, is closed after this.
    public var idleTimeout: Duration
    /// A request body not complete after this is answered 408.
    public var bodyTimeout: Duration
    /// Readiness that takes longer counts as not ready.
    public var readinessTimeout: Duration

    public init(
        host: String = "127.0.0.1", port: Int = 8080, maximumBodyBytes: Int = 16 << 20,
        maximumHeaderBytes: Int = 16 << 10, maximumConnections: Int = 256, idleTimeout: Duration = .seconds(30),
        bodyTimeout: Duration = .seconds(30), readinessTimeout: Duration = .seconds(2)
    ) {
        self.host = host
        self.port = port
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumConnections = maximumConnections
        self.idleTimeout = idleTimeout
        self.bodyTimeout = bodyTimeout
        self.readinessTimeout = readinessTimeout
    }
}
