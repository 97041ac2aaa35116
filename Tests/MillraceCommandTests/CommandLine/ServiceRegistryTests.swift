import Foundation
import JSONDocuments
import KafkaClient
import Logging
import ModelRegistry
import TestSupport
import Testing

@testable import MillraceCommand

/// `serve` beside a registry topic.
@Suite struct ServiceRegistryTests {
    static let hasRealBroker = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"]?.isEmpty == false

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(
        .enabled(if: hasRealBroker, "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"), .timeLimit(.minutes(5)))
    func `the service follows what operators do`() async throws {
        let broker = try await ServiceBroker.start()
        let topic = "\(broker.requests)-registry"
        let settings =
            ["--bootstrap-servers", broker.servers] + broker.flags
            + ["--set", "topics.models=\(topic)", "--set", "models.store=\(folder.path)/store"]
        func models(_ arguments: [String]) async throws -> BinaryRunner.Output {
            let output = try await BinaryRunner.run(["models"] + arguments + settings)
            try #require(output.exitCode == 0, "\(arguments): \(output.stderr)")
            return output
        }
        _ = try await models(["import", DigitArrays.mlp, "--name", "digits"])
        let service = try BinaryRunner.start(
            ["serve", "--log-format", "json", "--set", "gateway.port=0"] + settings)
        let port = try await service.gatewayPort()
        try await service.wait(within: .seconds(60), for: "to be ready") {
            try HealthProbe.ask(port, "ready").status == 200
        }
        func version() async throws -> String {
            let output = try await BinaryRunner.run(
                ["infer", "--request", "-", "--model", "digits"] + settings, input: DigitArrays(1).request(id: "r"))
            try #require(output.exitCode == 0, "\(output.stderr)")
            return try output.document().member("model_version").string()
        }
        #expect(try await version() == "1")
        // A version alone changes nothing once there is a champion.
        _ = try await models(["promote", "digits", "1"])
        _ = try await models(["import", DigitArrays.mlp, "--name", "digits"])
        _ = try await models(["promote", "digits", "2"])
        try await service.wait(within: .seconds(60), for: "to change over") { try await version() == "2" }
        let shown = try await models(["show", "digits@2", "--output", "json"]).document().member("registry")
        #expect(try shown.member("instances").elements().first?.member("loaded").bool() == true)
        _ = try await models(["rollback", "digits"])
        try await service.wait(within: .seconds(60), for: "to go back") { try await version() == "1" }
        service.terminate()
        let output = try await service.output(within: .seconds(60))
        #expect(output.exitCode == 0, "\(output.stderr)")
        let left = try await models(["show", "digits@1", "--output", "json"]).document().member("registry")
        #expect(try left.member("instances").elements().isEmpty)
    }

    @Test func `brokers that answer no admin calls end the wait`() async throws {
        let cluster = try EmbeddedCluster()
        let settings = [
            ("kafka.bootstrap-servers", cluster.bootstrapServers), ("models.store", folder.path + "/store"),
            ("topics.models", "nobody-makes-this"),
        ]
        let configuration = try load(flags: settings).configuration
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let admin = try KafkaAdmin(
            try configuration.kafkaConfiguration(role: "test"), timeout: .seconds(1), logger: quiet)
        let registry = Registry(store: try configuration.artifactStore(logger: quiet), logger: quiet)
        let follower = try ModelFollower(
            configuration, source: .topic, registry: registry, admin: admin, patience: .seconds(3), logger: quiet)
        let error = await #expect(throws: CommandFailure.self) { try await follower.run() }
        #expect(error?.status == .broker && error?.message.contains("models.registry: store") == true)
        await admin.close(deadline: .seconds(2))
    }
}
