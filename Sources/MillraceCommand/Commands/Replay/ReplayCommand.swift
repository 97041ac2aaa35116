import ArgumentParser
import KafkaClient
import ModelRegistry
import Serving

/// `millrace replay`.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Answer a range of requests again: to a topic of its own, or to verify the recorded results.",
        discussion: """
            Every request is answered by the version that answered it then, as its recorded result names it; --model \
            answers all of them with one version. Production offsets and topics stay untouched: a replay has a group and a \
            transactional id of its own, <application-id>-replay-<name>.

            --verify compares every answer with the recorded result, value and headers, bit for bit, and ends with 1 at \
            the first difference: the request's offset, the version, and the element or header that differs. Requests \
            without a result, and second results, are differences too. What belongs to the moment is not compared: \
            traceparent, tracestate, ce_time and millrace-activation. Errors that no request determines (a deadline, an \
            unknown model, a crash) are taken over from the record; otherwise deadlines do not count.

            --output-topic writes the answers exactly once. An interrupted replay goes on where it was when the same \
            command is given again; --restart tells what beginning anew means, and with --execute does it.

            Bounds are offsets, RFC 3339 times with a zone, earliest, or latest; --to is exclusive.

            EXAMPLES
              millrace replay --topic requests --from earliest --verify
              millrace replay --topic requests --from 2026-03-01T00:00:00Z --verify
              millrace replay --topic requests --from 1000 --output-topic again
            """)

    @Option(help: "The request topic; default: the first of topics.requests.")
    var topic: String?

    @Option(help: ArgumentHelp("The first request.", valueName: "offset|time"))
    var from: OffsetBound = .earliest

    @Option(
        help: ArgumentHelp(
            "Up to this one, exclusive; default: latest, with --verify what the service has answered.",
            valueName: "offset|time"))
    var to: OffsetBound?

    @Option(help: ArgumentHelp("Only these partitions.", valueName: "n,n,…"))
    var partitions: PartitionNumbers?

    @Option(help: ArgumentHelp("Answer every request with this version.", valueName: "name@version"))
    var model: String?

    @Flag(help: "Compare with the recorded results.")
    var verify = false

    @Option(help: ArgumentHelp("Write the answers to this topic.", valueName: "topic"))
    var outputTopic: String?

    @Option(help: "Where the results were recorded; default: topics.results.")
    var resultsTopic: String?

    @Option(help: "Tells replays to the same topic apart; default: the output topic.")
    var name: String?

    @Flag(help: "Forget how far this replay was, and begin again.")
    var restart = false

    @Flag(help: "With --restart: do so.")
    var execute = false

    @Option(
        name: .customLong("ignore-header"),
        help: ArgumentHelp("With --verify: a header that may differ; may be repeated.", valueName: "name"))
    var ignoredHeaders: [String] = []

    @Option(help: "With --verify: stop after so many differences.")
    var differences = 1

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard verify != (outputTopic != nil) else {
            throw ValidationError("expected one of --verify and --output-topic")
        }
        guard (1...10_000).contains(differences) else {
            throw ValidationError("--differences: found \(differences), expected 1 to 10000")
        }
        if verify, restart || name != nil {
            throw ValidationError("--verify keeps no progress: expected neither --name nor --restart")
        }
        if execute, !restart { throw ValidationError("--execute: expected --restart as well") }
        if let name, name.isEmpty || name.utf8.count > 100 {
            throw ValidationError("--name: found \(name.utf8.count) bytes, expected 1 to 100")
        }
    }

    private var query: ReplayQuery {
        ReplayQuery(
            topic: topic, from: from, to: to, partitions: partitions, model: model, resultsTopic: resultsTopic,
            outputTopic: outputTopic, isOfAnswered: verify)
    }

    func run() async throws {
        try await ClusterTool.with(options, role: "replay") { tool in
            let scope = try await ReplayScope(query, tool)
            let report = try await ReplayRun(self, scope, tool).run()
            format.print(report.document) { report.text }
            if report.isInterrupted { throw ExitCode(130) }
            if !report.findings.differences.isEmpty { throw ExitCode(ExitStatus.difference.rawValue) }
        }
    }
}

/// Partition numbers on a command line: `0,2,5`.
struct PartitionNumbers: ExpressibleByArgument, Equatable {
    let numbers: Set<Int32>

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int32($0) }
        let known = parts.compactMap { $0 }.filter { $0 >= 0 }
        guard !known.isEmpty, known.count == parts.count else { return nil }
        numbers = Set(known)
    }
}
