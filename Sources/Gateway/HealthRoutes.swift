import Hummingbird
import Serving

/// `GET /v2/health/live` and `GET /v2/health/ready`.
struct HealthRoutes: Sendable {
    let source: any ReadinessSource
    let timeout: Duration

    /// The body of a readiness answer.
    struct Report: ResponseEncodable, Equatable {
        struct Check: Encodable, Equatable {
            let name: String
            let ready: Bool
            let detail: String
        }

        let ready: Bool
        let checks: [Check]

        /// Ready when every check is; no check at all is not evidence of anything and counts as not ready.
        init(_ checks: [ReadinessCheck]) {
            self.ready = !checks.isEmpty && checks.allSatisfy(\.isReady)
            self.checks = checks.map { Check(name: $0.name, ready: $0.isReady, detail: $0.detail) }
        }
    }

    struct Liveness: ResponseEncodable {
        let live: Bool
    }

    func register(on routes: RouterGroup<BasicRequestContext>) {
        // Answering is the proof: it says that the process runs, not that its dependencies do, or an orchestrator
        // would restart every instance when a broker is away.
        routes.get("live") { _, _ in Liveness(live: true) }
        routes.get("ready") { _, _ in
            let report = Report(await self.checks())
            return EditedResponse(status: report.ready ? .ok : .serviceUnavailable, response: report)
        }
    }

    /// The source's checks, or one failed check when it does not answer in time.
    private func checks() async -> [ReadinessCheck] {
        let (source, timeout) = (source, timeout)
        return await firstOf(
            { await source.readiness() },
            after: timeout,
            otherwise: [ReadinessCheck(name: "readiness", isReady: false, detail: "no answer within \(timeout)")])
    }
}

/// What `work` returns, or `fallback` when that takes longer. Late work is cancelled and its answer dropped, but not
/// waited for: a check that hangs must not hang the probe.
private func firstOf<Value: Sendable>(
    _ work: @escaping @Sendable () async -> Value, after timeout: Duration, otherwise fallback: Value
) async -> Value {
    let (answers, continuation) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingOldest(1))
    let working = Task { continuation.yield(await work()) }
    let waiting = Task {
        do { try await Task.sleep(for: timeout) } catch { return }
        continuation.yield(fallback)
    }
    defer {
        working.cancel()
        waiting.cancel()
    }
    for await answer in answers { return answer }
    return fallback
}
