import ArgumentParser
import JSONDocuments

/// How a command prints what it found.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}

/// The option that every command with a report takes.
struct OutputOptions: ParsableArguments {
    @Option(help: "How to print: an aligned table, or one JSON document for programs.")
    var output: OutputFormat = .table

    func print(_ document: JSONValue, table: () -> String) {
        switch output {
        case .json: Console.write(document.serialized(.indented) + [UInt8(ascii: "\n")])
        case .table: Console.print(table())
        }
    }
}
