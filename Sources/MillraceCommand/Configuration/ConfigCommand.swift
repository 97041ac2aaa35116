import ArgumentParser

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `millrace config`: what the service would run with.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show or check the effective configuration.",
        discussion: """
            Exit codes: 0 valid, 2 invalid.

            EXAMPLES
              millrace config show
              millrace config check --config millrace.yaml
            """,
        subcommands: [Show.self, Check.self])

    /// `millrace config show`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every value and where it came from, secrets redacted.",
            discussion: """
                EXAMPLES
                  millrace config show
                  millrace config show --config millrace.yaml --output json
                """)

        @OptionGroup var options: ConfigurationOptions

        @Option(help: "table or json.")
        var output: ConfigurationOutput = .table

        func run() throws {
            print(try output.render(options.load().settings))
        }
    }

    /// `millrace config check`.
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the configuration without starting anything.",
            discussion: """
                EXAMPLES
                  millrace config check --config millrace.yaml
                  millrace config check --set batching.maximum-delay=5ms
                """)

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let settings = try options.load().settings
            let given = settings.filter { $0.source != "default" }.count
            print("valid: \(given) of \(settings.count) values configured, the others are defaults")
        }
    }
}

/// How `config show` prints.
enum ConfigurationOutput: String, ExpressibleByArgument, CaseIterable {
    case table
    case json

    func render(_ settings: [ConfigurationReader.Setting]) throws -> String {
        switch self {
        case .table:
            let rows = [["KEY", "VALUE", "SOURCE"]] + settings.map { [$0.key, $0.value, $0.source] }
            let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
            return rows.map { row in
                zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count + 2) }.joined() + row[2]
            }.joined(separator: "\n")
        case .json:
            let entries = settings.map { (($0.key), ["value": $0.value, "source": $0.source]) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let data = try encoder.encode(Dictionary(entries) { first, _ in first })
            return String(decoding: data, as: UTF8.self)
        }
    }
}
