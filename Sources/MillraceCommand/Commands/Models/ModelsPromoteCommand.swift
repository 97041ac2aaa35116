import ArgumentParser
import JSONDocuments
import ModelRegistry

struct ModelsPromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Point an alias, by default champion, to a version.",
        discussion: """
            Running instances load and warm the version, then change over between two batches; one that cannot load it goes \
            on with the version before. What the alias pointed to is remembered for `models rollback`.

            EXAMPLES
              millrace models promote digits 3
              millrace models promote digits latest --alias candidate
              millrace models promote digits candidate
            """)

    @Argument(help: "The model.")
    var name: String

    @Argument(help: "A number, another alias, or latest.")
    var version: String

    @Option(help: "The alias.")
    var alias = AliasName.champion

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        try AliasName.validate(alias)
        let session = try registry.open()
        _ = try session.online()
        // The version is settled before anything is judged by it: what `latest` means may change while that takes place.
        let reference = ModelReference(name: name, version: VersionSelector(parsing: version))
        let identity = try await session.state().catalog.version(for: reference).identity
        try await Promotion(identity: identity, alias: alias, conditions: []).check()
        let change = try await session.write(as: operatorOptions.effectiveName) {
            try $0.promotion(identity, alias: alias)
        }
        format.print(AliasReport.document(change)) { AliasReport.text(change) }
    }
}

/// A promotion that is to take place only if every condition holds.
struct Promotion {
    let identity: ModelVersion.Identity
    let alias: String
    let conditions: [any PromotionCondition]

    /// - Throws: what the first condition throws that does not hold.
    func check() async throws {
        for condition in conditions { try await condition.check(self) }
    }
}

/// What must hold for a version to be promoted, as its agreement with the champion over a range of requests.
protocol PromotionCondition: Sendable {
    /// - Throws: ``CommandFailure`` (``ExitStatus/refused``) with the reason when it does not hold.
    func check(_ promotion: Promotion) async throws
}

/// What became of an alias, for people and for programs.
enum AliasReport {
    static func document(_ change: RegistryState.AliasChange) -> JSONValue {
        .object([
            "name": .string(change.model), "alias": .string(change.alias), "version": .integer(Int64(change.number)),
            "previous": change.previous.map { .integer(Int64($0)) } ?? .null, "changed": .bool(change.isChange),
        ])
    }

    static func text(_ change: RegistryState.AliasChange) -> String {
        let target = "\(change.model)@\(change.number)"
        guard change.isChange else { return "\(change.alias) is \(target) already; nothing to do" }
        return "\(change.alias) is now \(target)" + (change.previous.map { ", was \(change.model)@\($0)" } ?? "")
    }
}
