import ArgumentParser
import JSONDocuments
import KafkaClient
import Serving

struct DeadLettersRedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive", abstract: "Put dead letters back where they came from.",
        discussion: """
            Writes the untouched key, value and headers to the original topic and partition, at its end, in transactions \
            that also commit how far the group <application-id>-redrive is. Two headers are added: millrace-redriven, \
            where the dead letter lies, and millrace-redrive-count.

            Nothing is written without --execute. A dead letter that has been put back is left out; --again puts it back \
            once more. One whose record has been put back --limit times already ends the command with 5: what failed so \
            often will fail again.

            EXAMPLES
              millrace dlq redrive --error MALFORMED_REQUEST
              millrace dlq redrive --from 2026-03-01T00:00:00Z --execute
            """)

    @OptionGroup var filter: DeadLetterFilter

    @Flag(help: "Do it.")
    var execute = false

    @Flag(help: "Also what has been put back before.")
    var again = false

    @Option(help: "How often a record may be put back.")
    var limit = 3

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard (1...1000).contains(limit) else {
            throw ValidationError("--limit: found \(limit), expected 1 to 1000")
        }
    }

    func run() async throws {
        let report = try await ClusterTool.with(options, role: "redrive") { tool in
            try await Redrive(filter, takesAgain: again, limit: limit, tool).run(executing: execute)
        }
        format.print(report.document) { report.text }
    }
}

/// What was put back, or would be.
struct RedriveReport {
    var chosen: [DeadLetterRecord] = []
    /// Put back before, for certain or as far as can be told.
    var leftOut: [DeadLetterRecord] = []
    var isExecuted = false

    var text: String {
        var lines: [String] = []
        if !chosen.isEmpty { lines.append(DeadLettersListCommand.table(chosen)) }
        lines.append(
            isExecuted
                ? "\(chosen.count) dead letters put back"
                : "\(chosen.count) dead letters would be put back; do so with --execute")
        if !leftOut.isEmpty { lines.append("\(leftOut.count) were put back before; see --again") }
        return lines.joined(separator: "\n")
    }

    var document: JSONValue {
        .object([
            "executed": .bool(isExecuted), "redriven": .array(chosen.map(DeadLettersListCommand.document)),
            "left_out": .array(leftOut.map { .string($0.position.description) }),
        ])
    }
}
