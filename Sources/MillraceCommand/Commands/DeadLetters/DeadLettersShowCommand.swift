import ArgumentParser
import JSONDocuments
import KafkaClient
import Serving

struct DeadLettersShowCommand: AsyncParsableCommand {
    private static let shownBytes = 4096

    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a dead letter's headers and its untouched value.",
        discussion: """
            The value is printed as text when it is text, else as hexadecimal, and cut after 4 KiB; --raw writes all of \
            its bytes.

            EXAMPLES
              millrace dlq show millrace.requests-dlt/0/12
              millrace dlq show millrace.requests-dlt/0/12 --raw value.bin
            """)

    @Argument(help: ArgumentHelp("Where the dead letter lies.", valueName: "topic/partition/offset"))
    var position: String

    @Option(help: ArgumentHelp("Write the value to this file; - is standard output.", valueName: "file"))
    var raw: String?

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        guard let place = RecordPosition(parsing: Array(position.utf8)) else {
            throw CommandFailure(.usage, "found \"\(position)\", expected topic/partition/offset")
        }
        let record = try await ClusterTool.with(options, role: "dlq") { tool in
            _ = try await tool.partitions(of: place.topicPartition.topic)
            return try await tool.record(at: place.topicPartition, offset: place.offset)
        }
        if let raw {
            guard let value = record.value else {
                throw CommandFailure(.notFound, "\(place): its value is null, there are no bytes to write")
            }
            if raw == "-" { return Console.write(Array(value)) }
            try OutputFile.write(Array(value), to: raw)
        }
        let letter = DeadLetterRecord(record)
        format.print(document(record, letter)) {
            var table = TextTable([("FIELD", .left), ("VALUE", .left)])
            table.append("position", place.description)
            if let letter {
                table.append("source", letter.source.description)
                table.append("error", letter.errorClass)
                table.append("message", letter.message)
            }
            if let time = record.timestamp { table.append("time", Timestamp(millisecondsSinceEpoch: time).description) }
            table.append("key", Self.text(record.key))
            for header in record.headers { table.append("header \(header.name)", Self.text(header.value)) }
            table.append("value", raw.map { "written to \($0)" } ?? Self.text(record.value))
            return table.render()
        }
    }

    private func document(_ record: KafkaRecord, _ letter: DeadLetterRecord?) -> JSONValue {
        var members: [String: JSONValue] = [:]
        if case .object(let known) = letter.map(DeadLettersListCommand.document) { members = known }
        members["position"] = .string(position)
        members["key"] = record.key.map { .string(Self.text($0)) } ?? .null
        members["headers"] = .array(
            record.headers.map { ["name": .string($0.name), "value": .string(Self.text($0.value))] })
        if raw == nil { members["value"] = record.value.map { .string(Self.text($0)) } ?? .null }
        return .object(members)
    }

    private static func text(_ bytes: ArraySlice<UInt8>?) -> String {
        guard let bytes else { return "null" }
        let shown = bytes.prefix(shownBytes)
        let rest = bytes.count > shown.count ? "… (\(bytes.count) bytes)" : ""
        if let text = String(validating: shown, as: UTF8.self), !text.unicodeScalars.contains(where: isControl) {
            return text + rest
        }
        return "0x" + shown.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + rest
    }

    /// What would change a terminal rather than be shown on it.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
    }
}
