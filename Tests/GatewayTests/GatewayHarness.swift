import Gateway
import Logging
import Serving
import ServiceLifecycle

/// Answers readiness with what the test says.
struct FixedReadiness: ReadinessSource {
    var checks: [ReadinessCheck] = []
    /// Never answers until cancelled.
    var hangs = false

    func readiness() async -> [ReadinessCheck] {
        if hangs { try? await Task.sleep(for: .seconds(600)) }
        return checks
    }
}

/// Runs a gateway on a free port while `body` runs, then shuts it down gracefully.
@discardableResult
func withGateway<Value: Sendable>(
    _ readiness: any ReadinessSource = FixedReadiness(), metrics: PrometheusMetrics? = nil,
    configuration change: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (_ port: Int) async throws -> Value
) async throws -> Value {
    var configuration = GatewayConfiguration(port: 0)
    change(&configuration)
    let (ports, listening) = AsyncStream.makeStream(of: Int.self)
    var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    logger.logLevel = .critical
    let gateway = HTTPGateway(
        configuration: configuration, metadata: ServerMetadata(version: "1.2.3", extensions: ["health"]),
        readiness: readiness, metrics: metrics, logger: logger, onListening: { listening.yield($0) })
    let group = ServiceGroup(configuration: .init(services: [.init(service: gateway)], logger: logger))
    return try await withThrowingTaskGroup(of: Value?.self) { tasks in
        tasks.addTask {
            defer { listening.finish() }
            try await group.run()
            return nil
        }
        tasks.addTask {
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else { throw GatewayDidNotStart() }
            do {
                let value = try await body(port)
                await group.triggerGracefulShutdown()
                return value
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
        var result: Value?
        for try await value in tasks { result = value ?? result }
        guard let result else { throw GatewayDidNotStart() }
        return result
    }
}

struct GatewayDidNotStart: Error {}
