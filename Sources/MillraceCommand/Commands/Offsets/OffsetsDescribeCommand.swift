import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace offsets describe`.
struct OffsetsDescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show what a group has committed, how far it lags behind, and who works in it.",
        discussion: """
            Lag is the log's end less the committed offset: on a compacted topic, or between markers of transactions, there \
            are fewer records than that. PENDING says that an open transaction holds offsets of the partition, which count \
            when it commits.

            EXAMPLES
              millrace offsets describe
              millrace offsets describe --group billing --group audit
              millrace offsets describe --group billing --members
              millrace offsets describe --all-groups --state --output json
            """)

    @Flag(help: "Show the members and their partitions instead of offsets.")
    var members = false

    @Flag(help: "Show the state instead of offsets.")
    var state = false

    @OptionGroup var groups: GroupOptions
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        if members, state { throw ValidationError("expected --members or --state, found both") }
    }

    func run() async throws {
        let reports = try await GroupSession.with(options) { session in
            var reports: [GroupReport] = []
            for name in try await session.names(groups) {
                reports.append(try await GroupReport(name, session, withOffsets: !members && !state))
            }
            return reports
        }
        format.print(.array(reports.map(\.document))) {
            if state { return GroupReport.stateTable(reports).render() }
            if reports.isEmpty { return "no consumer groups" }
            return reports.map { members ? $0.memberText : $0.offsetText }.joined(separator: "\n\n")
        }
    }
}
