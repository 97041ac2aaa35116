import JSONDocuments
import Testing

/// Walks every command there is, so that a new one cannot be forgotten.
@Suite struct HelpAuditTests {
    private struct Command {
        let path: String
        let abstract: String
        let discussion: String
        let isGroup: Bool
        /// Options and arguments without a word of help.
        let undocumented: [String]
    }

    /// Every command that `--help` shows, by the argument parser's own description of itself.
    private static func commands() async throws -> [Command] {
        let output = try await BinaryRunner.run(["--experimental-dump-help"])
        #expect(output.exitCode == 0, "\(output.stderr)")
        var found: [Command] = []
        var open = [(try output.document().member("command"), "")]
        while let (command, prefix) = open.popLast() {
            let name = try command.member("commandName").string()
            let isShown = try command.optionalMember("shouldDisplay")?.bool() ?? true
            guard isShown, name != "help" else { continue }
            let path = prefix + name
            let children = try command.optionalMember("subcommands")?.elements() ?? []
            open += children.map { ($0, path + " ") }
            let arguments = try command.optionalMember("arguments")?.elements() ?? []
            found.append(
                Command(
                    path: path, abstract: try command.optionalMember("abstract")?.string() ?? "",
                    discussion: try command.optionalMember("discussion")?.string() ?? "", isGroup: !children.isEmpty,
                    undocumented: try arguments.filter {
                        try $0.member("shouldDisplay").bool() && ($0.optionalMember("abstract")?.string() ?? "").isEmpty
                    }.map { try $0.optionalMember("valueName")?.string() ?? "?" }))
        }
        return found
    }

    @Test func `every command has an abstract, an example of its own and help for each option`() async throws {
        let commands = try await Self.commands()
        #expect(commands.count >= 20, "\(commands.map(\.path))")
        for command in commands {
            #expect(!command.abstract.isEmpty, "\(command.path) has no abstract")
            #expect(command.undocumented.isEmpty, "\(command.path): no help for \(command.undocumented)")
            let lines = command.discussion.split(separator: "\n", omittingEmptySubsequences: false)
            let examples = lines.drop { $0 != "EXAMPLES" }.dropFirst().prefix { !$0.isEmpty }
            #expect(!examples.isEmpty, "\(command.path) has no EXAMPLES")
            // The name of the command itself, not only of a neighbour.
            #expect(examples.contains { $0.contains(command.path) }, "\(command.path): \(examples)")
        }
    }

    @Test func `the root lists every exit code`() async throws {
        let root = try #require(try await Self.commands().first { $0.path == "millrace" })
        let codes = root.discussion.split(separator: "EXAMPLES")[0]
        for code in 0...5 { #expect(codes.contains("\(code) "), "exit code \(code) is missing") }
    }

    /// Every command line of an example is one that the parser takes: it ends at once with the help of that command.
    @Test func `every example parses`() async throws {
        for command in try await Self.commands() where !command.isGroup {
            let lines = command.discussion.split(separator: "\n").drop { $0 != "EXAMPLES" }.dropFirst()
            for line in lines {
                var words = line.split(separator: " ").map(String.init)
                words = Array(words.drop { $0 != "millrace" }.dropFirst())
                words = Array(words.prefix { !["<", ">", "|"].contains($0) })
                // What a shell would misread is quoted; no example has quoted blanks.
                words = words.map { String($0.trimmingPrefix("'").reversed().trimmingPrefix("'").reversed()) }
                let output = try await BinaryRunner.run(words + ["--help"])
                #expect(output.exitCode == 0, "\(line): \(output.stderr)")
                #expect(output.stdout.contains("USAGE: \(command.path)"), "\(line)")
            }
        }
    }
}
