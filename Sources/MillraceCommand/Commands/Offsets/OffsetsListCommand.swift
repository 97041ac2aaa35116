import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace offsets list`.
struct OffsetsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the consumer groups of the cluster and their states.",
        discussion: """
            EXAMPLES
              millrace offsets list
              millrace offsets list --state stable,empty --output json
            """)

    @Option(
        help: ArgumentHelp(
            "Only groups in one of these states: stable, empty, dead, preparing-rebalance, completing-rebalance.",
            valueName: "state,…"),
        completion: .list(GroupState.allCases.map(\.rawValue)))
    var state: GroupStates?

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let groups = try await GroupSession.with(options) { try await $0.admin.groups() }
            .filter { state?.contains($0.state) ?? true }
        let document = JSONValue.array(
            groups.map { ["group": .string($0.id), "state": .string($0.state), "simple": .bool($0.isSimple)] })
        format.print(document) {
            var table = TextTable([("GROUP", .left), ("STATE", .left)])
            for group in groups { table.append(group.id, group.state) }
            return table.rows.isEmpty ? "no consumer groups" : table.render()
        }
    }
}

/// The states of a group as an operator writes them.
enum GroupState: String, CaseIterable {
    case stable, empty, dead
    case preparingRebalance = "preparing-rebalance"
    case completingRebalance = "completing-rebalance"
}

/// States separated by commas; hyphens and case do not matter, so that Kafka's own spelling is taken as well.
struct GroupStates: ExpressibleByArgument, Equatable {
    private let states: Set<String>

    init?(argument: String) {
        let texts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Self.folded($0) }
        let known = Set(GroupState.allCases.map { Self.folded($0.rawValue) })
        guard !texts.isEmpty, texts.allSatisfy(known.contains) else { return nil }
        states = Set(texts)
    }

    func contains(_ state: String) -> Bool { states.contains(Self.folded(state)) }

    private static func folded(_ text: some StringProtocol) -> String {
        text.lowercased().filter { $0 != "-" && $0 != " " }
    }
}
