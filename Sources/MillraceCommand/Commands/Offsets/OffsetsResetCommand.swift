import ArgumentParser
import KafkaClient

/// `millrace offsets reset`.
struct OffsetsResetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Move what a group has committed; shows the plan unless told to execute it.",
        discussion: """
            Takes one scenario and, except with --from-file, one scope: --topic or --all-topics. An offset outside of the \
            log becomes the nearest end of it, with a remark. Everything is planned first; then the offsets of each group \
            are set in one request, which does all or nothing. A group in which anybody works is refused, with exit code 5: \
            stop its instances first. Compare what happened with `millrace offsets describe`.

            Times need a zone: Apache Kafka's tool takes one without as UTC, which is seldom what the operator's clock shows.

            EXAMPLES
              millrace offsets reset --topic millrace.requests --to-earliest
              millrace offsets reset --topic requests:0,2 --shift-by -100 --execute
              millrace offsets reset --all-topics --by-duration PT6H --execute
              millrace offsets reset --group a --all-topics --to-latest --execute
              millrace offsets reset --from-file before.csv --execute
            """)

    @OptionGroup(title: "Scenario, exactly one") var scenario: ResetOptions
    @OptionGroup(title: "Scope") var topics: TopicOptions
    @OptionGroup(title: "Groups") var groups: GroupOptions

    @Flag(help: "Change the offsets; without it the plan is shown and nothing happens.")
    var execute = false

    @Flag(help: "Show the plan; what happens without --execute anyhow.")
    var dryRun = false

    @Flag(help: "Print the new offsets as comma-separated values, for --from-file.")
    var export = false

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        if execute, dryRun { throw ValidationError("expected --execute or --dry-run, found both") }
        let isFile = scenario.fromFile != nil
        if isFile, topics.isGiven {
            throw ValidationError("--from-file names its partitions itself; found --topic or --all-topics as well")
        }
        if !isFile, !topics.isGiven { throw ValidationError("expected --topic or --all-topics, found neither") }
        if export, format.output == .json { throw ValidationError("expected --export or --output json, found both") }
    }

    func run() async throws {
        let request = try scenario.scenario(now: Timestamp.now().millisecondsSinceEpoch)
        if case .file(let file) = request, file.groups.isEmpty, !groups.isOne {
            throw CommandFailure(
                .usage,
                "\(scenario.fromFile ?? ""): found topic,partition,offset, expected the group before them, for "
                    + "there are several groups")
        }
        let run = try await GroupSession.with(options) { session in
            var run = try await ResetRun(session, request, topics: topics, groups: groups)
            if execute { await run.execute(session) }
            return run
        }
        for warning in run.warnings { Console.printError("millrace: \(warning)") }
        if export {
            Console.print(run.file(withGroups: !groups.isOne).render())
        } else {
            format.print(run.document(isExecuted: execute)) { run.text(isExecuted: execute) }
        }
        try run.check()
    }
}
