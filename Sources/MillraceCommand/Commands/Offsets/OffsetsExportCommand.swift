import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace offsets export`.
struct OffsetsExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print what groups have committed as a file that reset takes back.",
        discussion: """
            Lines of topic,partition,offset for one group, of group,topic,partition,offset for several, as Apache Kafka's tool \
            writes and reads them. Reads only: the group may be at work. Without --topic, every topic.

            EXAMPLES
              millrace offsets export > before.csv
              millrace offsets export --group billing --topic requests:0,1
              millrace offsets export --all-groups --output json
            """)

    @OptionGroup var topics: TopicOptions
    @OptionGroup var groups: GroupOptions

    @Option(help: "How to print: comma-separated values, or one JSON document.")
    var output = ExportFormat.csv

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let rows = try await GroupSession.with(options) { session in
            if !topics.topics.isEmpty { _ = try TopicSelection.resolve(topics.topics, among: session.topics) }
            var rows: [OffsetFile.Row] = []
            for name in try await session.names(groups) {
                let committed = try await session.committed(name)
                if committed.isEmpty, try await session.admin.describeGroup(name).isUnknown {
                    throw try await session.notFound(name)
                }
                for (partition, offset) in committed.sorted(by: { $0.key < $1.key })
                where topics.topics.isEmpty || topics.topics.contains(where: { $0.contains(partition) }) {
                    rows.append(.init(group: name, partition: partition, offset: offset))
                }
            }
            return rows
        }
        switch output {
        case .csv:
            if rows.isEmpty { Console.printError("millrace: nothing is committed") }
            let file = OffsetFile(
                rows: rows.map {
                    .init(group: groups.isOne ? nil : $0.group, partition: $0.partition, offset: $0.offset)
                })
            if !rows.isEmpty { Console.print(file.render()) }
        case .json:
            let document = JSONValue.array(
                rows.map { row in
                    [
                        "group": .string(row.group ?? ""), "topic": .string(row.partition.topic),
                        "partition": .integer(Int64(row.partition.partition)), "offset": .integer(row.offset),
                    ]
                })
            Console.write(document.serialized(.indented) + [UInt8(ascii: "\n")])
        }
    }
}

enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
    case csv, json
}
