import Foundation
import JSONDocuments
import Logging
import ModelFormats
import ModelRegistry
import TestSupport
import Testing

@testable import MillraceCommand

/// `millrace models` on a registry topic, as processes.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"]?.isEmpty == false,
        "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
struct ModelsRegistryTests {
    let folder: TemporaryFolder
    let topic = "millrace-test-registry-\(UUID().uuidString.prefix(8))"
    var store: String { folder.path + "/store" }

    init() throws { folder = try TemporaryFolder() }

    private func models(_ arguments: [String], store: String? = nil) async throws -> BinaryRunner.Output {
        let broker = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"] ?? ""
        return try await BinaryRunner.run(
            ["models"] + arguments + [
                "--store", store ?? self.store, "--bootstrap-servers", broker, "--set", "topics.models=\(topic)",
            ])
    }

    private func good(_ arguments: [String]) async throws -> JSONCursor {
        let output = try await models(arguments + ["--output", "json"])
        try #require(output.exitCode == 0, "\(output.stderr)")
        return try output.document()
    }

    @Test func `versions live, move and retire`() async throws {
        let first = try await good(["import", DigitArrays.mlp, "--name", "digits", "--operator", "ada"])
        #expect(try first.member("version").integer() == 1)
        let second = try await good(["import", DigitArrays.cnn, "--name", "digits", "--alias", "candidate"])
        #expect(try second.member("version").integer() == 2)

        let promoted = try await good(["promote", "digits", "1", "--operator", "ada"])
        #expect(try promoted.member("changed").bool() && promoted.member("previous").integer() == 2)
        #expect(try await !good(["promote", "digits", "1"]).member("changed").bool())
        #expect(try await models(["promote", "digits", "1"]).stdout.contains("already"))
        #expect(try await good(["promote", "digits", "candidate"]).member("version").integer() == 2)
        #expect(try await good(["rollback", "digits"]).member("version").integer() == 1)

        let traffic = try await good(["traffic", "digits", "--canary", "2", "--share", "10%"])
        #expect(try traffic.member("canary").member("share").integer() == 1000)
        for version in ["1", "2"] {
            let refused = try await models(["retire", "digits", version])
            #expect(refused.exitCode == 5, "\(refused.stdout)")
        }
        #expect(try await good(["traffic", "digits", "--clear"]).member("canary").value == .null)
        #expect(try await good(["unalias", "digits", "candidate"]).member("previous").integer() == 2)
        #expect(try await good(["retire", "digits", "2"]).member("changed").bool())
        #expect(try await models(["promote", "digits", "2"]).exitCode == 4)
        #expect(try await good(["list"]).elements().count == 1)
        #expect(try await good(["list", "digits", "--retired"]).elements().count == 2)
        // Its number is gone for good.
        #expect(try await good(["import", DigitArrays.mlp, "--name", "digits"]).member("version").integer() == 3)

        let show = try await good(["show", "digits"]).member("registry")
        #expect(try show.member("version").integer() == 1)
        #expect(try show.member("created").member("operator").string() == "ada")
        let events = try await good(["events", "--model", "digits"]).elements()
        #expect(
            try events.map { try $0.member("type").string().split(separator: ".").suffix(2).joined(separator: ".") }
                == [
                    "version.created", "version.created", "alias.set", "alias.set", "alias.set", "alias.set",
                    "traffic.changed", "traffic.cleared", "alias.removed", "version.retired", "version.created",
                ])
    }

    @Test func `imports without brokers are adopted`() async throws {
        for file in [DigitArrays.mlp, DigitArrays.cnn] {
            let output = try await BinaryRunner.run(["models", "import", file, "--name", "digits", "--store", store])
            #expect(output.exitCode == 0, "\(output.stderr)")
        }
        // A topic that is not there yet is as good as the store.
        #expect(try await good(["list"]).elements().count == 2)
        #expect(try await good(["import", DigitArrays.mlp, "--name", "digits"]).member("version").integer() == 3)
        #expect(try await good(["events"]).elements().count == 3)
    }

    @Test func `other contents under a taken number are named and not adopted`() async throws {
        let elsewhere = folder.path + "/elsewhere"
        _ = try await BinaryRunner.run(["models", "import", DigitArrays.cnn, "--name", "digits", "--store", elsewhere])
        _ = try await good(["import", DigitArrays.mlp, "--name", "digits"])
        let known = try await good(["show", "digits@1"]).member("registry").member("digest").string()
        let output = try await models(["import", DigitArrays.mlp, "--name", "digits"], store: elsewhere)
        #expect(output.exitCode == 0)
        #expect(output.stderr.contains("digits@1 of the store's own index was not brought"), "\(output.stderr)")
        #expect(output.stderr.contains(known))
        #expect(try await good(["show", "digits@1"]).member("registry").member("digest").string() == known)
        #expect(try await good(["list", "digits", "--retired"]).elements().count == 2)
    }

    @Test func `adopted versions come with their bundles`() async throws {
        let output = try await BinaryRunner.run(
            ["models", "import", DigitArrays.mlp, "--name", "digits", "--store", store, "--output", "json"])
        let digest = try output.document().member("digest").string()
        let broker = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"] ?? ""
        let places = [
            ("kafka.bootstrap-servers", broker), ("topics.models", topic), ("topics.artifacts", topic + "-artifacts"),
            ("models.artifacts", "kafka"),
        ]
        let settings = places.flatMap { ["--set", "\($0.0)=\($0.1)"] }
        let second = try await BinaryRunner.run(
            ["models", "import", DigitArrays.cnn, "--name", "digits", "--store", store] + settings)
        #expect(second.exitCode == 0, "\(second.stderr)")
        // Another host: nothing of it is here.
        let there = try load(flags: places + [("models.store", folder.path + "/there")])
        let artifacts = try there.configuration.artifactStore(logger: Logger(label: "test"))
        #expect(try await artifacts.bundle(digest: digest).manifest.version == 1)
        #expect(try await artifacts.entries().count == 2)
    }

    @Test func `differences are found to the last bit`() async throws {
        for _ in 1...2 { _ = try await good(["import", DigitArrays.mlp, "--name", "digits"]) }
        let same = try await models(["diff", "digits@1", "digits@2"])
        #expect(same.exitCode == 0 && same.stdout.contains("are the same"), "\(same.stdout)\(same.stderr)")
        _ = try await good(["import", DigitArrays.cnn, "--name", "digits"])
        let other = try await models(["diff", "digits@1", "digits@3", "--output", "json"])
        #expect(other.exitCode == 1)
        let document = try other.document()
        #expect(try !document.member("signature").elements().isEmpty)
        #expect(try !document.member("equal").bool())
        let foreign = try await models(["diff", "digits@1", "digits@3"], store: folder.path + "/other")
        #expect(foreign.exitCode == 4, "\(foreign.stderr)")
    }

    @Test(arguments: [
        (["promote", "digit", "1"], 4, "did you mean \"digits\"?"), (["promote", "digits", "9"], 4, "available: 1"),
        (["promote", "digits", "champoin"], 4, "did you mean \"champion\"?"),
        (["promote", "digits", "1", "--alias", "latest"], 2, "latest"), (["rollback", "digits"], 5, "previous"),
        (["retire", "digits", "9"], 4, "available"), (["traffic", "digits", "--canary", "1"], 2, "--share"),
        (["traffic", "digits", "--canary", "1", "--share", "101"], 2, "100 percent"),
        (["traffic", "digits", "--share", "10"], 2, "no canary"),
        (["traffic", "digits", "--canary", "1", "--share", "10"], 5, "champion"),
        (["unalias", "digits", "stable"], 4, "alias"), (["show", "digits@stable"], 4, "alias"),
    ])
    func `what is not possible is refused with the reason`(
        _ arguments: [String], _ code: Int32, _ reason: String
    ) async throws {
        _ = try await good(["import", DigitArrays.mlp, "--name", "digits"])
        let output = try await models(arguments)
        #expect(output.exitCode == code, "\(output.stdout)\(output.stderr)")
        #expect(output.stderr.contains(reason), "\(output.stderr)")
    }

    @Test func `a condition that cannot be judged promotes nothing`() async throws {
        for _ in 1...2 { _ = try await good(["import", DigitArrays.mlp, "--name", "digits"]) }
        let output = try await models(
            [
                "promote", "digits", "1", "--if-agreement", "\(topic)-requests>=1", "--set",
                "topics.results=\(topic)-results",
            ])
        #expect(output.exitCode == 4 && output.stderr.contains("does not exist"), "\(output.stderr)")
        #expect(try await good(["show", "digits"]).member("registry").member("version").integer() == 2)
    }

    @Test func `without brokers the registry has no place`() async throws {
        _ = try await BinaryRunner.run(["models", "import", DigitArrays.mlp, "--name", "digits", "--store", store])
        for arguments in [["promote", "digits", "1"], ["rollback", "digits"], ["retire", "digits", "1"], ["events"]] {
            let output = try await BinaryRunner.run(["models"] + arguments + ["--store", store])
            #expect(output.exitCode == 2 && output.stderr.contains("--bootstrap-servers"), "\(output.stderr)")
        }
    }
}
