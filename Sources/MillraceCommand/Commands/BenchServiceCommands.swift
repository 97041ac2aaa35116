import ArgumentParser
import Logging

/// `millrace bench pipeline`.
struct BenchPipelineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline",
        abstract: "Measure the service: throughput under a backlog, or latency at a pace.",
        discussion: """
            Fills a topic, then runs the service in a process of its own until every request is answered, and counts the \
            answers. With --rate it sends at that pace instead and measures latency as a read_committed consumer of the \
            results sees it. Exits with 1 when an answer is missing, duplicated or an error.

            EXAMPLES
              millrace bench pipeline --compare
              millrace bench pipeline --rate 2000 --duration 30 --bootstrap localhost:9092
            """)

    @Flag(help: "Also run the echo, in turns on the same requests, and print the ratio.")
    var compare = false

    @OptionGroup var options: BenchOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        try await runBench(compare ? [.echo, .pipeline] : [.pipeline], options, format)
    }
}

/// `millrace bench echo`.
struct BenchEchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Measure the ceiling: records copied by the service's own consumer and producer.",
        discussion: """
            As bench pipeline, with nothing decoded or computed between consuming and producing.

            EXAMPLES
              millrace bench echo --requests 100000
            """)

    @OptionGroup var options: BenchOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        try await runBench([.echo], options, format)
    }
}

private func runBench(_ stages: [BenchStage], _ options: BenchOptions, _ format: OutputOptions) async throws {
    LogBootstrap.start(.init(level: options.verbose ? .info : .error, format: .text))
    let report = try await BenchRun(options: options, stages: stages, logger: Logger(label: "millrace.bench")).run()
    format.print(report.document) { report.text }
    guard report.isGood else { throw CommandFailure(.difference, "not every request has one prediction") }
}
