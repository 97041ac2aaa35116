import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace offsets delete`.
struct OffsetsDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Forget what a group has committed for topics, or the group itself.",
        discussion: """
            Shows what would go unless --execute is given. Topics to which anybody in the group subscribes are refused, and so \
            is a group with members, with exit code 5. An instance without a committed offset starts at the log's beginning. \
            Keep a copy first: `millrace offsets export`.

            EXAMPLES
              millrace offsets delete --topic old.requests
              millrace offsets delete --group billing --topic old.requests:0,1 --execute
              millrace offsets delete --group billing --group-itself --execute
            """)

    @OptionGroup var topics: TopicOptions

    @Flag(help: "Delete the group with everything it has committed.")
    var groupItself = false

    @OptionGroup var groups: GroupOptions

    @Flag(help: "Delete; without it nothing happens.")
    var execute = false

    @Flag(help: "Show what would go; what happens without --execute anyhow.")
    var dryRun = false

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        if execute, dryRun { throw ValidationError("expected --execute or --dry-run, found both") }
        guard topics.isGiven != groupItself else {
            throw ValidationError("expected one of --topic, --all-topics and --group-itself")
        }
    }

    func run() async throws {
        let deletions = try await GroupSession.with(options) { session in
            var deletions: [GroupDeletion] = []
            for name in try await session.names(groups) {
                deletions.append(try await GroupDeletion(name, session, topics: groupItself ? nil : topics))
            }
            if execute {
                for index in deletions.indices { await deletions[index].execute(session) }
            }
            return deletions
        }
        let document: JSONValue = [
            "executed": .bool(execute), "groups": .array(deletions.map(\.document)),
        ]
        format.print(document) {
            let end = execute ? "" : "\n\ndry run: nothing was deleted; --execute does it"
            return deletions.map(\.text).joined(separator: "\n\n") + end
        }
        for deletion in deletions { try deletion.check() }
    }
}
