import ArgumentParser

/// `millrace dlq`.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq",
        abstract: "List, show and put back dead letters.",
        discussion: """
            Dead letters are records that could not be read as requests, and those that ended the process too often. They \
            lie, untouched, in <request topic><topics.dead-letter-suffix>.

            EXAMPLES
              millrace dlq list --error MALFORMED_REQUEST
              millrace dlq show millrace.requests-dlt/0/12
              millrace dlq redrive --from 2026-03-01T00:00:00Z --execute
            """,
        subcommands: [DeadLettersListCommand.self, DeadLettersShowCommand.self, DeadLettersRedriveCommand.self])
}
