import ArgumentParser
import JSONDocuments
import KafkaClient
import Serving

/// `millrace models answered-by`.
struct ModelsAnsweredByCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answered-by",
        abstract: "Say which version answered a request, from its result's provenance.",
        discussion: """
            The position is the request's, topic/partition/offset; with --result it is the result's own. Every result of \
            the request is listed: a second one is a finding.

            EXAMPLES
              millrace models answered-by millrace.requests/0/1234
              millrace models answered-by millrace.results/0/1230 --result --output json
            """)

    @Argument(help: ArgumentHelp("Where the request lies.", valueName: "topic/partition/offset"))
    var position: String

    @Flag(help: "The position is the result's.")
    var result = false

    @Option(help: "Where results lie; default: topics.results.")
    var resultsTopic: String?

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        guard let place = RecordPosition(parsing: Array(position.utf8)) else {
            throw CommandFailure(.usage, "found \"\(position)\", expected topic/partition/offset")
        }
        let found = try await ClusterTool.with(options, role: "answered-by") { tool in
            result
                ? [try await recorded(at: place, tool)]
                : try await answers(to: place, tool)
        }
        format.print(.array(found.map(Self.document))) {
            found.map(Self.table).joined(separator: "\n\n")
        }
    }

    private func recorded(at place: RecordPosition, _ tool: ClusterTool) async throws -> RecordedResult {
        _ = try await tool.partitions(of: place.topicPartition.topic)
        let record = try await tool.record(at: place.topicPartition, offset: place.offset)
        guard let found = RecordedResult(record) else {
            throw CommandFailure(.notFound, "\(place): has no header millrace-source, so that it is no result")
        }
        return found
    }

    private func answers(to place: RecordPosition, _ tool: ClusterTool) async throws -> [RecordedResult] {
        let topic = resultsTopic ?? tool.configuration.topics.results
        let requests = try await tool.partitions(of: place.topicPartition.topic)
        guard requests.contains(place.topicPartition) else {
            throw CommandFailure(
                .notFound,
                "\(place.topicPartition.topic) has no partition \(place.topicPartition.partition); "
                    + "it has \(requests.count)")
        }
        let search = ResultSearch(
            topic: topic, partitions: try await tool.partitions(of: topic), admin: tool.admin,
            makeReader: { try tool.makeReader() })
        // A request may be gone and its result not.
        let timestamp = try? await tool.record(at: place.topicPartition, offset: place.offset).timestamp
        let found = try await search.results(of: place, requestTimestamp: timestamp ?? nil)
        guard !found.isEmpty else {
            throw CommandFailure(.notFound, "\(place): no result in \(topic)")
        }
        return found
    }

    private static func fields(_ found: RecordedResult) -> [(String, String)] {
        let provenance: [(String, String)] = [
            ("model", RecordHeaderName.model), ("version", RecordHeaderName.version),
            ("weights", RecordHeaderName.weights), ("activation", "millrace-activation"),
            ("engine", RecordHeaderName.engine),
        ]
        var fields = [("request", found.source.description), ("result", found.position.description)]
        fields.append(("status", found.status ?? "unknown"))
        for (name, header) in provenance { fields.append((name, found.text(header) ?? "")) }
        if let time = found.record.timestamp {
            fields.append(("answered", Timestamp(millisecondsSinceEpoch: time).description))
        }
        return fields
    }

    private static func table(_ found: RecordedResult) -> String {
        var table = TextTable([("FIELD", .left), ("VALUE", .left)])
        for (name, value) in fields(found) where !value.isEmpty { table.append(name, value) }
        return table.render()
    }

    private static func document(_ found: RecordedResult) -> JSONValue {
        .object(
            Dictionary(
                uniqueKeysWithValues: fields(found).map { name, value in
                    (name, value.isEmpty ? JSONValue.null : .string(value))
                }))
    }
}
