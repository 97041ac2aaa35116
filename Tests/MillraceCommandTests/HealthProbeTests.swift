import Testing

@testable import MillraceCommand

@Suite struct HealthProbeTests {
    @Test func `addresses`() {
        let target = HealthProbe.Target(url: "http://127.0.0.1:8080/v2/health/ready")
        #expect(target?.host == "127.0.0.1")
        #expect(target?.port == 8080)
        #expect(target?.path == "/v2/health/ready")
        #expect(HealthProbe.Target(url: "http://[::1]:81")?.host == "::1")
        #expect(HealthProbe.Target(url: "http://[::1]:81")?.port == 81)
        #expect(HealthProbe.Target(url: "http://[::1]/x")?.port == 80)
        #expect(HealthProbe.Target(url: "http://host")?.path == "/")
    }

    @Test(arguments: [
        "https://a/", "a:80", "http://", "http://:80/", "http://a:0/", "http://a:99999/", "http://u@a/",
        "http://a/x\r\nHost: b", "http://a/x y", "http://a:b/",
    ])
    func `what is no address`(url: String) {
        #expect(HealthProbe.Target(url: url) == nil)
    }

    @Test func `answers`() throws {
        let bytes = Array("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{\"ready\":false}".utf8)
        #expect(try HealthProbe.answer(from: bytes) == .init(status: 503, body: "{\"ready\":false}"))
        #expect(throws: HealthProbe.Failure(reason: "the answer is no HTTP")) {
            try HealthProbe.answer(from: Array("SSH-2.0-OpenSSH\r\n".utf8))
        }
        #expect(throws: HealthProbe.Failure(reason: "the answer is no HTTP")) { try HealthProbe.answer(from: []) }
    }

    @Test func `nobody listening is a failure`() throws {
        // Port 1 is not for users to listen on.
        let target = try #require(HealthProbe.Target(url: "http://127.0.0.1:1/"))
        #expect(throws: HealthProbe.Failure(reason: "connection refused")) {
            try HealthProbe.ask(target, timeout: .seconds(1))
        }
    }
}
