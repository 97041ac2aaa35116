import ArgumentParser
import JSONDocuments
import KafkaClient
import Serving

struct DeadLettersListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List dead letters.",
        discussion: """
            EXAMPLES
              millrace dlq list
              millrace dlq list --error INTERNAL --from 2026-03-01T00:00:00Z
            """)

    @OptionGroup var filter: DeadLetterFilter

    @Option(help: "List at most so many.")
    var maximum = 1000

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(maximum) else {
            throw ValidationError("--maximum: found \(maximum), expected 1 to 1000000")
        }
    }

    func run() async throws {
        var found: [DeadLetterRecord] = []
        var isCut = false
        try await ClusterTool.with(options, role: "dlq") { tool in
            try await filter.read(tool) { letter in
                isCut = found.count == maximum
                if !isCut { found.append(letter) }
                return !isCut
            }
        }
        found.sort { $0.position < $1.position }
        format.print(.array(found.map(Self.document))) {
            guard !found.isEmpty else { return "no dead letters" }
            return Self.table(found) + (isCut ? "\nthere are more: see --maximum" : "")
        }
    }

    static func table(_ letters: [DeadLetterRecord]) -> String {
        var table = TextTable([
            ("DEAD LETTER", .left), ("SOURCE", .left), ("TIME", .left), ("ERROR", .left), ("MODEL", .left),
            ("BYTES", .right), ("REDRIVEN", .right), ("MESSAGE", .left),
        ])
        for letter in letters {
            let message = letter.message
            table.append(
                letter.position.description, letter.source.description, time(letter), letter.errorClass,
                letter.model ?? "", "\(letter.record.value?.count ?? 0)", "\(letter.redriveCount)",
                message.count > 80 ? message.prefix(79) + "…" : message)
        }
        return table.render()
    }

    static func document(_ letter: DeadLetterRecord) -> JSONValue {
        .object([
            "position": .string(letter.position.description), "source": .string(letter.source.description),
            "time": .string(time(letter)), "error": .string(letter.errorClass),
            "model": letter.model.map { .string($0) } ?? .null,
            "bytes": letter.record.value.map { .integer(Int64($0.count)) } ?? .null,
            "redriven": .integer(Int64(letter.redriveCount)), "message": .string(letter.message),
        ])
    }

    private static func time(_ letter: DeadLetterRecord) -> String {
        letter.record.timestamp.map { Timestamp(millisecondsSinceEpoch: $0).description } ?? ""
    }
}
