import Foundation
import Gateway
import Serving
import Testing

@Suite(.timeLimit(.minutes(2)))
struct HTTPGatewayTests {
    private let ready = ReadinessCheck(name: "broker", isReady: true, detail: "reachable")
    private let cold = ReadinessCheck(name: "models", isReady: false, detail: "1 of 2 warm")

    @Test func `live answers while nothing is ready`() async throws {
        let answer = try await withGateway(FixedReadiness(checks: [cold])) {
            try await LoopbackClient.get("/v2/health/live", port: $0)
        }
        #expect(answer.status == 200)
        #expect(try answer.json()["live"] as? Bool == true)
    }

    @Test func `ready is 200 with every check passing`() async throws {
        let answer = try await withGateway(FixedReadiness(checks: [ready])) {
            try await LoopbackClient.get("/v2/health/ready", port: $0)
        }
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"]?.hasPrefix("application/json") == true)
        let report = try answer.json()
        #expect(report["ready"] as? Bool == true)
        let checks = try #require(report["checks"] as? [[String: any Sendable]])
        #expect(checks.count == 1)
        #expect(checks.first?["name"] as? String == "broker")
        #expect(checks.first?["detail"] as? String == "reachable")
    }

    @Test func `ready is 503 with the failing check named`() async throws {
        let answer = try await withGateway(FixedReadiness(checks: [ready, cold])) {
            try await LoopbackClient.get("/v2/health/ready", port: $0)
        }
        #expect(answer.status == 503)
        let report = try answer.json()
        #expect(report["ready"] as? Bool == false)
        let checks = try #require(report["checks"] as? [[String: any Sendable]])
        #expect(checks.map { $0["ready"] as? Bool } == [true, false])
        #expect(checks.last?["detail"] as? String == "1 of 2 warm")
    }

    @Test func `no check is not ready`() async throws {
        let answer = try await withGateway { try await LoopbackClient.get("/v2/health/ready", port: $0) }
        #expect(answer.status == 503)
    }

    @Test func `a readiness that hangs is not ready`() async throws {
        let source = FixedReadiness(checks: [ready], hangs: true)
        let answer = try await withGateway(source, configuration: { $0.readinessTimeout = .milliseconds(50) }) {
            try await LoopbackClient.get("/v2/health/ready", port: $0)
        }
        #expect(answer.status == 503)
        #expect(answer.body.contains("no answer within"))
    }

    @Test func `server metadata`() async throws {
        let answer = try await withGateway { try await LoopbackClient.get("/v2", port: $0) }
        #expect(answer.status == 200)
        let metadata = try answer.json()
        #expect(metadata["name"] as? String == "millrace")
        #expect(metadata["version"] as? String == "1.2.3")
        #expect(metadata["extensions"] as? [String] == ["health"])
    }

    @Test(arguments: ["/", "/v2/health", "/v2/health/ready/x", "/v3"])
    func `an unknown path is 404 in JSON`(path: String) async throws {
        let answer = try await withGateway { try await LoopbackClient.get(path, port: $0) }
        #expect(answer.status == 404)
        #expect(try answer.json()["error"] as? String == "no such path: \(path)")
    }

    @Test(arguments: ["POST", "DELETE", "PUT"])
    func `an unknown method is 405 with the allowed ones`(method: String) async throws {
        let answer = try await withGateway {
            try await LoopbackClient.get("/v2/health/live", method: method, body: "x", port: $0)
        }
        #expect(answer.status == 405)
        #expect(answer.headers["allow"] == "GET")
        #expect(try answer.json()["error"] as? String == "found method \(method), expected GET")
    }

    @Test func `a declared body over the limit is 413`() async throws {
        let answer = try await withGateway(configuration: { $0.maximumBodyBytes = 10 }) {
            try await LoopbackClient.get("/v2", method: "POST", body: "12345678901", port: $0)
        }
        #expect(answer.status == 413)
        #expect(
            try answer.json()["error"] as? String == "found 11 bytes of request body, expected at most 10 bytes")
    }

    @Test func `a chunked body over the limit is 413`() async throws {
        let request =
            "POST /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n"
        let text = try await withGateway(configuration: { $0.maximumBodyBytes = 10 }) {
            try await LoopbackClient.exchange(request, port: $0)
        }
        let answer = try LoopbackClient.parse(text)
        #expect(answer.status == 413)
        #expect(answer.body.contains("expected at most 10 bytes"))
    }

    @Test func `a body within the limit reaches the router`() async throws {
        let answer = try await withGateway(configuration: { $0.maximumBodyBytes = 10 }) {
            try await LoopbackClient.get("/v2", method: "POST", body: "1234567890", port: $0)
        }
        #expect(answer.status == 405)
    }

    @Test func `an unfinished body is 408`() async throws {
        let request = "POST /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12"
        let text = try await withGateway(configuration: { $0.bodyTimeout = .milliseconds(50) }) {
            try await LoopbackClient.exchange(request, port: $0)
        }
        #expect(try LoopbackClient.parse(text).status == 408)
    }

    @Test func `an unfinished header closes the connection`() async throws {
        let text = try await withGateway(configuration: { $0.idleTimeout = .milliseconds(100) }) {
            try await LoopbackClient.exchange("GET /v2 HTTP/1.1\r\nHost: loc", port: $0)
        }
        #expect(!text.contains("200"))
    }

    @Test func `a header over the limit is refused`() async throws {
        let request = "GET /v2 HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 4096))\r\n\r\n"
        let text = try await withGateway(configuration: {
            $0.maximumHeaderBytes = 1024
            $0.idleTimeout = .seconds(1)
        }) {
            try await LoopbackClient.exchange(request, port: $0)
        }
        #expect(!text.contains("\"version\""))
    }

    @Test func `a port in use is an error of run`() async throws {
        try await withGateway { taken in
            await #expect(throws: (any Error).self) {
                try await withGateway(configuration: { $0.port = taken }) { _ in }
            }
        }
    }

    @Test func `a shutdown frees the port`() async throws {
        let port = try await withGateway { $0 }
        await #expect(throws: LoopbackClient.Failure.self) { try await LoopbackClient.get("/v2", port: port) }
    }
}
