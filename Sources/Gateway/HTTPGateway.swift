import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import Serving
public import ServiceLifecycle

/// The HTTP side of an instance: health, metrics and server metadata.
///
/// A long-lived service: `run()` returns after a graceful shutdown, once open requests are answered. It throws when the
/// address cannot be bound.
public struct HTTPGateway: Service {
    private let configuration: GatewayConfiguration
    private let metadata: ServerMetadata
    private let readiness: any ReadinessSource
    private let metrics: PrometheusMetrics?
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) async -> Void

    /// - Parameters:
    ///   - metadata: the answer to `GET /v2`.
    ///   - readiness: asked anew at every `GET /v2/health/ready`.
    ///   - metrics: the answer to `GET /metrics`; nil for no such path.
    ///   - onListening: called once with the bound port, which is of interest when the configured one is 0.
    public init(
        configuration: GatewayConfiguration, metadata: ServerMetadata, readiness: any ReadinessSource,
        metrics: PrometheusMetrics? = nil, logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.metadata = metadata
        self.readiness = readiness
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
    }

    /// - Throws: ``GatewayError`` when the address cannot be listened on.
    public func run() async throws {
        do {
            try await application().run()
        } catch let error as IOError where Self.bindErrors.contains(error.errnoCode) {
            throw GatewayError(
                address: "\(configuration.host):\(configuration.port)",
                reason: String(cString: strerror(error.errnoCode)))
        }
    }

    private static let bindErrors: Set<CInt> = [EADDRINUSE, EADDRNOTAVAIL, EACCES]

    private func application() -> some ApplicationProtocol {
        // The framework's debug messages are not of interest to an operator of this service.
        var serverLogger = logger
        serverLogger.logLevel = max(logger.logLevel, .notice)
        let (logger, onListening) = (logger, onListening)
        return Application(
            router: router(),
            server: .http1(
                configuration: .init(
                    idleTimeout: TimeAmount(configuration.idleTimeout),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: configuration.maximumHeaderBytes,
                        maxHeaderListSize: configuration.maximumHeaderBytes, maxHeaderFieldCount: 100))),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: metadata.name,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    configuration.maximumConnections, logger: serverLogger)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? 0
                logger.info(
                    "gateway listening",
                    metadata: ["address": "\(channel.localAddress?.description ?? "")", "port": "\(port)"])
                await onListening(port)
            },
            logger: serverLogger)
    }

    private func router() -> Router<BasicRequestContext> {
        // The error middleware has to know every route before the first is added behind it.
        let listing = Router(context: BasicRequestContext.self)
        addRoutes(to: listing)
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: ErrorMiddleware(routes: RouteTable(listing.routes), logger: logger))
        router.add(
            middleware: BodyLimitMiddleware(
                maximumBytes: configuration.maximumBodyBytes, timeout: configuration.bodyTimeout))
        addRoutes(to: router)
        return router
    }

    private func addRoutes(to router: Router<BasicRequestContext>) {
        let metadata = metadata
        router.get("v2") { _, _ in metadata }
        HealthRoutes(source: readiness, timeout: configuration.readinessTimeout)
            .register(on: router.group("v2/health"))
        if let metrics {
            router.get("metrics") { _, _ in
                Response(
                    status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text)))
            }
        }
    }
}
