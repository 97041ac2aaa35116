import ArgumentParser
import JSONDocuments
import ModelRegistry

struct ModelsRetireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Take a version out of service for good.",
        discussion: """
            Requests that name a retired version are answered UNKNOWN_VERSION, its bundle may be collected as garbage, and its \
            number is not given again. Refused (exit code 5) while an alias or a traffic rule points to it, and while it is \
            what an unqualified reference means and others would silently take its place.

            EXAMPLES
              millrace models retire digits 1
            """)

    @Argument(help: "The model.")
    var name: String

    @Argument(help: "The version's number.")
    var version: Int

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard version > 0 else { throw ValidationError("<version>: found \(version), expected a positive number") }
    }

    func run() async throws {
        let identity = ModelVersion.Identity(name: name, number: version)
        let isChange = try await registry.open().write(as: operatorOptions.effectiveName) {
            try $0.retirement(identity)
        }
        let document = JSONValue.object([
            "name": .string(name), "version": .integer(Int64(version)), "changed": .bool(isChange),
        ])
        format.print(document) {
            isChange ? "\(identity) is retired" : "\(identity) is retired already; nothing to do"
        }
    }
}
