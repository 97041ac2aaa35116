import Foundation
import JSONDocuments
import TestSupport
import Testing

@testable import MillraceCommand

/// `serve`, `infer` and `demo` as processes, with and without a broker.
@Suite struct ServiceTests {
    /// Nothing listens on port 9 ("discard") of a test machine.
    static let nobody = "127.0.0.1:9"

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    // MARK: Without a broker

    @Test func `infer gives up within its time`() async throws {
        let started = ContinuousClock.now
        let output = try await BinaryRunner.run(
            ["infer", "--request", "-", "--bootstrap-servers", Self.nobody, "--timeout", "2"],
            input: DigitArrays(1).request())
        #expect(output.exitCode == 3)
        #expect(output.stdout.isEmpty)
        #expect(output.stderr.contains(Self.nobody), "\(output.stderr)")
        #expect(output.stderr.split(separator: "\n").count == 1, "\(output.stderr)")
        #expect(ContinuousClock.now - started < .seconds(90))
        let missing = try await BinaryRunner.run([
            "infer", "--request", "absent.json", "--bootstrap-servers", Self.nobody, "--timeout", "2",
        ])
        #expect(missing.exitCode == 4 && missing.stderr.contains("absent.json"))
    }

    @Test func `serve waits for its brokers, live and not ready, and stops when told to`() async throws {
        let service = try BinaryRunner.start(serveArguments(broker: Self.nobody))
        let port = try await service.gatewayPort()
        #expect(try HealthProbe.ask(port, "live").status == 200)
        let ready = try HealthProbe.ask(port, "ready")
        #expect(ready.status == 503)
        let report = JSONCursor(try JSONValue(parsing: Array(ready.body.utf8)), path: "ready")
        #expect(try !report.member("ready").bool())
        let started = ContinuousClock.now
        service.terminate()
        let output = try await service.output(within: .seconds(60))
        #expect(output.exitCode == 0, "\(output.stderr)")
        #expect(ContinuousClock.now - started < .seconds(50))
    }

    @Test func `a port in use is said`() async throws {
        let first = try BinaryRunner.start(serveArguments(broker: Self.nobody))
        let port = try await first.gatewayPort()
        let second = try await BinaryRunner.run(
            serveArguments(broker: Self.nobody) + ["--set", "gateway.port=\(port)"], timeout: .seconds(60))
        #expect(second.exitCode == 2, "\(second.stderr)")
        #expect(second.stderr.contains("\(port)") && second.stderr.contains("in use"), "\(second.stderr)")
    }

    // MARK: With one

    @Test func `a request to an imported model and back`() async throws {
        let broker = try await ServiceBroker.start()
        let store = folder.path + "/store"
        #expect(
            try await BinaryRunner.run(["models", "import", DigitArrays.mlp, "--name", "digits", "--store", store])
                .exitCode == 0)
        let topics = broker.flags
        let service = try BinaryRunner.start(serveArguments(broker: broker.servers, store: store) + topics)
        let port = try await service.gatewayPort()
        #expect(try HealthProbe.ask(port, "live").status == 200)
        try await service.wait(within: .seconds(60), for: "to be ready") {
            let answer = try HealthProbe.ask(port, "ready")
            #expect(answer.status == 200 || answer.status == 503)
            // Ready is exactly when the group has given it partitions.
            if answer.status == 200 { #expect(answer.body.contains("assigned: \(broker.requests)")) }
            return answer.status == 200
        }
        let infer = ["infer", "--request", "-", "--bootstrap-servers", broker.servers] + topics
        let good = try await BinaryRunner.run(
            infer + ["--model", "digits@1", "--key", "k"], input: DigitArrays(3).request(id: "three"))
        #expect(good.exitCode == 0, "\(good.stderr)")
        let response = try good.document()
        #expect(try response.member("id").string() == "three")
        #expect(try response.member("model_version").string() == "1")
        try DigitArrays.expectReference(DigitArrays.probabilities(response), model: "mlp", count: 3)

        let bad = try await BinaryRunner.run(infer + ["--model", "digit"], input: DigitArrays(1).request(id: "bad"))
        #expect(bad.exitCode == 1)
        #expect(bad.stderr.contains("UNKNOWN_MODEL"))
        let error = try bad.document()
        #expect(try error.member("id").string() == "bad")
        #expect(try error.member("error").member("code").string() == "UNKNOWN_MODEL")
        #expect(try error.member("error").member("message").string().contains("\"digits\""))

        service.terminate()
        let output = try await service.output(within: .seconds(60))
        #expect(output.exitCode == 0, "\(output.stderr)")
        withExtendedLifetime(broker) {}
    }

    @Test func `topics that do not exist`() async throws {
        let broker = try await ServiceBroker.start()
        let service = try await BinaryRunner.run(
            serveArguments(broker: broker.servers) + ["--set", "topics.requests=no-such-topic"])
        #expect(service.exitCode == 4)
        #expect(service.stderr.contains("no-such-topic") && service.stderr.contains("topics.create"))
        let infer = try await BinaryRunner.run(
            [
                "infer", "--request", "-", "--bootstrap-servers", broker.servers, "--set",
                "topics.results=no-such-topic", "--timeout", "5",
            ], input: DigitArrays(1).request())
        #expect(infer.exitCode == 4 && infer.stderr.contains("no-such-topic"))
        withExtendedLifetime(broker) {}
    }

    @Test func `the demonstration passes`() async throws {
        let output = try await BinaryRunner.run(["demo", "--output", "json"], timeout: .seconds(60))
        #expect(output.exitCode == 0, "\(output.stderr)")
        let report = try output.document()
        #expect(try report.member("passed").bool())
        for (name, expected) in [("requests", 1797), ("answered", 1797), ("missing", 0), ("duplicated", 0)] {
            #expect(try report.member(name).integer() == expected)
        }
        #expect(try report.member("largest_difference").number() <= 1e-5)
    }

    // MARK: Helpers

    private func serveArguments(broker: String, store: String? = nil) -> [String] {
        [
            "serve", "--bootstrap-servers", broker, "--log-format", "json", "--set", "gateway.port=0",
            "--set", "models.store=\(store ?? folder.path + "/empty")", "--set", "models.registry=store",
        ]
    }
}
