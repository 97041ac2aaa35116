import ArgumentParser

/// `millrace offsets`.
struct OffsetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offsets",
        abstract: "See and move what consumer groups have committed.",
        discussion: """
            What Apache Kafka's own tool for consumer groups does, for any group of the cluster; without --group it is the \
            service's own, which application-id names. Nothing changes without --execute.

            EXAMPLES
              millrace offsets list
              millrace offsets describe
              millrace offsets reset --topic requests --to-datetime 2026-03-01T06:00:00Z
              millrace offsets export > before.csv
            """,
        subcommands: [
            OffsetsListCommand.self, OffsetsDescribeCommand.self, OffsetsResetCommand.self,
            OffsetsDeleteCommand.self, OffsetsExportCommand.self,
        ])
}

/// The groups that a command is about.
struct GroupOptions: ParsableArguments {
    @Option(
        name: .customLong("group"),
        help: ArgumentHelp(
            "A consumer group; may be repeated. Default: the service's, application-id.", valueName: "name"),
        completion: Completions.groups)
    var groups: [String] = []

    @Flag(help: "Every group of the cluster.")
    var allGroups = false

    func validate() throws {
        if allGroups, !groups.isEmpty { throw ValidationError("expected --group or --all-groups, found both") }
        if groups.contains("") { throw ValidationError("--group: found an empty name") }
    }

    /// Whether files are in the form for one group, as with Apache Kafka's tool.
    var isOne: Bool { !allGroups && Set(groups).count <= 1 }
}

/// The partitions that a command is about.
struct TopicOptions: ParsableArguments {
    @Option(
        name: .customLong("topic"),
        help: ArgumentHelp(
            "A topic, or some of its partitions; may be repeated.", valueName: "name[:partition,…]"),
        completion: Completions.topics)
    var topics: [TopicSelection] = []

    @Flag(help: "Every partition that the group has committed.")
    var allTopics = false

    func validate() throws {
        if allTopics, !topics.isEmpty { throw ValidationError("expected --topic or --all-topics, found both") }
    }

    var isGiven: Bool { allTopics || !topics.isEmpty }
}
