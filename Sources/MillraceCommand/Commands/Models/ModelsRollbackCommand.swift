import ArgumentParser
import JSONDocuments
import ModelRegistry

struct ModelsRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Point an alias back to the version it pointed to before.",
        discussion: """
            A second rollback undoes the first. Refused (exit code 5) when the alias has had no other holder, or when that \
            one is retired.

            EXAMPLES
              millrace models rollback digits
              millrace models rollback digits --alias candidate
            """)

    @Argument(help: "The model.")
    var name: String

    @Option(help: "The alias.")
    var alias = AliasName.champion

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let change = try await registry.open().write(as: operatorOptions.effectiveName) {
            try $0.rollback(name, alias: alias)
        }
        format.print(AliasReport.document(change)) { AliasReport.text(change) }
    }
}

struct ModelsUnaliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unalias",
        abstract: "Remove an alias.",
        discussion: """
            Requests that name the alias are answered UNKNOWN_VERSION from then on. Without the alias champion, the highest \
            number is what requests get that name no version.

            EXAMPLES
              millrace models unalias digits candidate
            """)

    @Argument(help: "The model.")
    var name: String

    @Argument(help: "The alias.")
    var alias: String

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let change = try await registry.open().write(as: operatorOptions.effectiveName) {
            try $0.aliasRemoval(name, alias: alias)
        }
        let document = JSONValue.object([
            "name": .string(name), "alias": .string(alias), "version": .null,
            "previous": .integer(Int64(change.number)), "changed": true,
        ])
        format.print(document) { "\(alias) of \(name) removed, was \(name)@\(change.number)" }
    }
}
