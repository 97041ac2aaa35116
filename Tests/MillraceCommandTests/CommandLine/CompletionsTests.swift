import Foundation
import TestSupport
import Testing

/// The scripts that complete command lines, each read by its own shell.
@Suite struct CompletionsTests {
    static let shells = ["bash", "zsh", "fish"]

    private static func executable(_ shell: String) -> String? {
        ["/bin/", "/usr/bin/", "/usr/local/bin/"].map { $0 + shell }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    @Test(arguments: shells) func `each script knows the commands`(shell: String) async throws {
        let output = try await BinaryRunner.run(["completions", shell])
        #expect(output.exitCode == 0)
        #expect(output.stderr.isEmpty)
        for word in ["offsets", "describe", "--all-groups", "completions"] {
            #expect(output.stdout.contains(word.hasPrefix("--") && shell == "fish" ? String(word.dropFirst(2)) : word))
        }
        #expect(!output.stdout.contains("import-worker"))
    }

    @Test(.enabled(if: executable("bash") != nil, "bash is not installed: its script is not read"))
    func `bash reads its script`() async throws { try await check("bash") }

    @Test(.enabled(if: executable("zsh") != nil, "zsh is not installed: its script is not read"))
    func `zsh reads its script`() async throws { try await check("zsh") }

    @Test(.enabled(if: executable("fish") != nil, "fish is not installed: its script is not read"))
    func `fish reads its script`() async throws { try await check("fish") }

    /// All three shells check the syntax of a file with `-n` and run nothing.
    private func check(_ shell: String) async throws {
        let folder = try TemporaryFolder()
        let script = try await BinaryRunner.run(["completions", shell]).stdout
        let path = folder.path + "/script"
        try Data(script.utf8).write(to: URL(filePath: path))
        #expect(try Self.status(of: shell, path) == 0)
        // The check can fail.
        try Data("\(script)\nif (((\n".utf8).write(to: URL(filePath: path))
        #expect(try Self.status(of: shell, path) != 0)
    }

    private static func status(of shell: String, _ path: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: try #require(executable(shell)))
        process.arguments = ["-n", path]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func `values come from the configuration, and nothing from a wrong one`() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/millrace.yaml"
        try Data("application-id: billing\ntopics:\n  requests: [asked]\n  results: answered\n".utf8)
            .write(to: URL(filePath: file))
        func suggestions(_ option: String, _ config: String) async throws -> [String] {
            // How a generated script asks: the option, the cursor's word and place, then the words of the line.
            let words = ["millrace", "offsets", "reset", "--config", config, option, ""]
            let output = try await BinaryRunner.run(
                ["---completion", "offsets", "reset", "--", option, "6", "0"] + words)
            #expect(output.exitCode == 0, "\(output.stderr)")
            return output.stdout.split(separator: "\n").map(String.init)
        }
        #expect(try await suggestions("--topic", file) == ["asked", "answered", "asked-dlt"])
        #expect(try await suggestions("--group", file) == ["billing"])
        #expect(try await suggestions("--group", folder.path + "/absent.yaml") == [])
    }

    @Test func `another shell is refused by name`() async throws {
        let output = try await BinaryRunner.run(["completions", "tcsh"])
        #expect(output.exitCode == 2)
        #expect(output.stderr.contains("tcsh"))
    }
}
