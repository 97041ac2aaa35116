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

            With --if-agreement the version first answers a range of requests again that the model has answered, and is \
            promoted only if at least the given share of rows agrees with the recorded results: the same class (place of \
            the largest element), for single numbers within 1 %, other outputs equal. Nothing is published. The range is \
            topic[/partition,…][@from..to] with bounds as `millrace replay` takes them; without bounds, everything that was \
            answered. The measure is kept as an event beside the promotion's. Otherwise the exit code is 5.

            EXAMPLES
              millrace models promote digits 3
              millrace models promote digits latest --alias candidate
              millrace models promote digits candidate
              millrace models promote digits 3 --if-agreement 'requests>=99.5%'
              millrace models promote digits 3 --if-agreement 'r/0@100..latest>=0.9'
            """)

    @Argument(help: "The model.")
    var name: String

    @Argument(help: "A number, another alias, or latest.")
    var version: String

    @Option(help: "The alias.")
    var alias = AliasName.champion

    @Option(
        name: .customLong("if-agreement"),
        help: ArgumentHelp("Only if so many rows agree with the recorded results.", valueName: "bound"))
    var agreement: AgreementBound?

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
        let measured = try await measure(identity, store: session.storePath)
        let change = try await session.write(as: operatorOptions.effectiveName) { state in
            var decision = try state.promotion(identity, alias: alias)
            if let measured, decision.outcome.isChange { decision.changes.append(measured.event) }
            return decision
        }
        format.print(AliasReport.document(change, agreement: measured)) {
            [measured?.text, AliasReport.text(change)].compactMap { $0 }.joined(separator: "\n")
        }
    }

    private func measure(_ identity: ModelVersion.Identity, store: String) async throws -> AgreementMeasure? {
        guard let agreement else { return nil }
        return try await ClusterTool.with(registry.options, role: "agreement") { tool in
            try await AgreementMeasure.take(of: identity, agreement, store: store, tool)
        }
    }
}

/// What became of an alias, for people and for programs.
enum AliasReport {
    static func document(_ change: RegistryState.AliasChange, agreement: AgreementMeasure? = nil) -> JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(change.model), "alias": .string(change.alias), "version": .integer(Int64(change.number)),
            "previous": change.previous.map { .integer(Int64($0)) } ?? .null, "changed": .bool(change.isChange),
        ]
        if let agreement { members["agreement"] = agreement.document }
        return .object(members)
    }

    static func text(_ change: RegistryState.AliasChange) -> String {
        let target = "\(change.model)@\(change.number)"
        guard change.isChange else { return "\(change.alias) is \(target) already; nothing to do" }
        return "\(change.alias) is now \(target)" + (change.previous.map { ", was \(change.model)@\($0)" } ?? "")
    }
}
