import Foundation
import JSONDocuments
import TestSupport
import Testing

/// `millrace models` and `millrace config`.
@Suite struct ModelsTests {
    let folder: TemporaryFolder
    var store: String { folder.path + "/store" }

    init() throws { folder = try TemporaryFolder() }

    private func models(_ arguments: [String]) async throws -> BinaryRunner.Output {
        try await BinaryRunner.run(["models"] + arguments + ["--store", store])
    }

    @Test func `import, list and show`() async throws {
        let first = try await models([
            "import", DigitArrays.mlp, "--name", "digits", "--metadata", "team=vision", "--metadata", "note=a=b",
        ])
        #expect(first.exitCode == 0, "\(first.stderr)")
        #expect(first.stdout.contains("digits@1"))
        let second = try await models(["import", DigitArrays.cnn, "--name", "digits", "--output", "json"])
        #expect(try second.document().member("version").integer() == 2)
        // Without a name the file's is taken.
        let third = try await models(["import", DigitArrays.mlp, "--output", "json"])
        #expect(try third.document().member("name").string() == "mlp")
        #expect(try third.document().member("version").integer() == 1)

        let table = try await models(["list"]).stdout.split(separator: "\n")
        #expect(table.count == 4)
        #expect(
            table.first?.split(separator: " ").map(String.init)
                == ["MODEL", "VERSION", "ALIASES", "LOADED", "SOURCE", "INPUTS", "DIGEST"])
        #expect(table[1].hasPrefix("digits        1                      keras   pixels [batch, 64]"))
        #expect(table[2].contains("(champion)"))
        #expect(table[2].contains("image [batch, 8, 8, 1]"))
        let list = try await models(["list", "--output", "json"]).document().elements()
        #expect(
            try list.map { "\(try $0.member("name").string())@\(try $0.member("version").integer())" }
                == ["digits@1", "digits@2", "mlp@1"])

        let show = try await models(["show", "digits@1"]).stdout
        for text in ["digits@1", "pixels FP32 [batch, 64]", "probabilities FP32 [batch, 10]", "vision", "a=b"] {
            #expect(show.contains(text), "\(text) is missing")
        }
        let manifest = try await models(["show", "digits@1", "--output", "json"]).document()
        #expect(try manifest.member("metadata").member("team").string() == "vision")
        #expect(try manifest.member("version").integer() == 1)
        // Without a version, the highest.
        let champion = try await models(["show", "digits", "--output", "json"]).document()
        #expect(try champion.member("version").integer() == 2)
        let digest = try list[0].member("digest").string()
        #expect(show.contains(digest))
        // What was imported is a bundle, and predict takes it.
        let predicted = try await BinaryRunner.run(
            ["predict", "\(store)/bundles/\(digest)", "--request", "-"], input: DigitArrays(1).request())
        try DigitArrays.expectReference(DigitArrays.probabilities(predicted.document()), model: "mlp", count: 1)
    }

    @Test func `what cannot be found or imported`() async throws {
        #expect(try await models(["import", DigitArrays.mlp, "--name", "digits"]).exitCode == 0)
        let near = try await models(["show", "digit"])
        #expect(near.exitCode == 4 && near.stderr.contains("did you mean \"digits\"?"))
        let version = try await models(["show", "digits@7"])
        #expect(version.exitCode == 4 && version.stderr.contains("available: 1"))
        let absent = try await models(["import", "absent.h5"])
        #expect(absent.exitCode == 4 && absent.stderr.contains("absent.h5"))
        for name in [".hidden", "a/b", "", "ä"] {
            let output = try await models(["import", DigitArrays.mlp, "--name", name])
            #expect(output.exitCode == 2 && output.stderr.contains("model name \"\(name)\""), "\(output.stderr)")
        }
        let metadata = try await models(["import", DigitArrays.mlp, "--metadata", "team"])
        #expect(metadata.exitCode == 2 && metadata.stderr.contains("--metadata"))
        #expect(try await models(["list", "--output", "json"]).document().elements().count == 1)
    }

    @Test func `looking makes no store`() async throws {
        let list = try await models(["list"])
        #expect(list.exitCode == 0 && list.stdout.contains("no models"))
        #expect(try await models(["show", "digits"]).exitCode == 4)
        #expect(!FileManager.default.fileExists(atPath: store))
    }

    @Test func `a store that cannot be written`() async throws {
        // A file where the folder should be stops the superuser too.
        try Data().write(to: URL(filePath: store))
        for arguments in [["import", DigitArrays.mlp], ["list"]] {
            let output = try await models(arguments)
            #expect(output.exitCode == 2)
            #expect(output.stderr.contains(store), "\(output.stderr)")
            #expect(!output.stderr.contains("NSCocoa"), "\(output.stderr)")
        }
    }

    @Test(arguments: [
        (["--set", "gateway.prot=1"], "did you mean gateway.port?"),
        (["--set", "gateway.port=many"], "gateway.port"),
        (["--set", "topics.results=millrace.requests"], "topics.results"),
        (["--set", "delivery=twice"], "delivery"),
        (["--config", "absent.yaml"], "absent.yaml"),
    ])
    func `a configuration with problems`(arguments: [String], mentions: String) async throws {
        for command in ["show", "check"] {
            let output = try await BinaryRunner.run(["config", command] + arguments)
            #expect(output.exitCode == 2)
            #expect(output.stderr.contains(mentions), "\(output.stderr)")
        }
        // Every command that reads it refuses it alike.
        #expect(try await BinaryRunner.run(["serve"] + arguments).exitCode == 2)
    }

    @Test func `a good configuration`() async throws {
        let check = try await BinaryRunner.run(["config", "check", "--set", "gateway.port=1"])
        #expect(check.exitCode == 0 && check.stdout.hasPrefix("valid: 1 of "))
        let show = try await BinaryRunner.run(["config", "show", "--set", "gateway.port=1", "--output", "json"])
        #expect(show.exitCode == 0)
        let port = try show.document().member("gateway.port")
        #expect(try port.member("value").string() == "1")
        #expect(try port.member("source").string() == "--set")
    }
}
