import ArgumentParser
import JSONDocuments
import KafkaClient
import ModelRegistry

struct ModelsEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "List the registry's events, or follow them.",
        discussion: """
            The topic is compacted: of older events only the last about each version, alias, rule and instance remains. With \
            --follow --output json every event is one line.

            EXAMPLES
              millrace models events
              millrace models events --model digits --follow
              millrace models events --follow --output json
            """)

    @Flag(help: "Go on with new events until interrupted.")
    var follow = false

    @Option(help: ArgumentHelp("Only events of this model.", valueName: "name"))
    var model: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let log = try registry.open().online().log
        guard follow else {
            let lines = try await log.read().records.map(EventLine.init).filter(isWanted)
            format.print(.array(lines.map(\.document))) { EventLine.table(lines) }
            return
        }
        // A topic that is not there is said at once; waiting for it would look like silence.
        _ = try await log.read()
        var isFirst = true
        try await log.follow { update in
            let lines = update.records.map(EventLine.init).filter(isWanted)
            switch format.output {
            case .json:
                for line in lines { Console.write(line.document.serialized(.compact) + [UInt8(ascii: "\n")]) }
            case .table:
                if isFirst { Console.print(EventLine.table(lines)) } else { lines.forEach { Console.print($0.text) } }
            }
            isFirst = false
        }
    }

    private func isWanted(_ line: EventLine) -> Bool { model == nil || line.model == model }
}

/// One record of the registry topic as a line.
struct EventLine {
    let offset: Int64
    let event: Result<RegistryEvent, RegistryLogError>
    private let key: String

    init(_ record: KafkaRecord) {
        offset = record.offset
        key = String(decoding: record.key ?? [], as: UTF8.self)
        event = Result { () throws(RegistryLogError) in try RegistryEventCoding.event(record) }
    }

    var model: String? {
        switch RegistryKey(parsing: key) {
        case .version(let identity), .instance(_, let identity): identity.name
        case .alias(let model, _), .traffic(let model): model
        case .action, nil: nil
        }
    }

    var cells: [String] {
        switch event {
        case .success(let event):
            [
                String(offset), EventTime.text(event.time), event.operatorName, Self.name(event),
                event.key.description, Self.details(event),
            ]
        case .failure(let error): [String(offset), "", "", "unreadable", key, "\(error)"]
        }
    }

    /// Unaligned: the lines to come are not known.
    var text: String { cells.joined(separator: "  ") }

    var document: JSONValue {
        switch event {
        case .success(let event):
            .object([
                "offset": .integer(offset), "time": .string(EventTime.text(event.time)), "type": .string(event.type),
                "operator": .string(event.operatorName), "subject": .string(event.key.description),
                "data": RegistryEventCoding.value(of: event) ?? .null,
            ])
        case .failure(let error):
            .object(["offset": .integer(offset), "subject": .string(key), "error": .string("\(error)")])
        }
    }

    static func table(_ lines: [EventLine]) -> String {
        guard !lines.isEmpty else { return "no events" }
        var table = TextTable([
            ("OFFSET", .right), ("TIME", .left), ("OPERATOR", .left), ("EVENT", .left), ("SUBJECT", .left),
            ("DETAILS", .left),
        ])
        for line in lines { table.append(cells: line.cells) }
        return table.render()
    }

    /// The type without what all have in common.
    private static func name(_ event: RegistryEvent) -> String {
        event.type.split(separator: ".").dropFirst(2).joined(separator: " ")
    }

    private static func details(_ event: RegistryEvent) -> String {
        switch event.change {
        case .versionCreated(let record), .versionRetired(let record, _): "digest \(record.digest.prefix(12))"
        case .aliasSet(_, _, let number, let previous):
            "version \(number)" + (previous.map { ", was \($0)" } ?? "")
        case .trafficChanged(_, let rule?): TrafficText.describe(rule)
        case .loadFailed(_, _, let reason): reason
        case .actionTaken(_, _, let details): String(decoding: details.serialized(.compact), as: UTF8.self)
        case .aliasRemoved, .trafficChanged(_, nil), .versionLoaded, .versionUnloaded, .erased: ""
        }
    }
}
