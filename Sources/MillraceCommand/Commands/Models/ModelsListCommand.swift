import ArgumentParser
import JSONDocuments
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine

struct ModelsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the versions of every model, or of one.",
        discussion: """
            An alias in parentheses is not set: it is the champion because its number is the highest. LOADED counts the \
            instances that say they have the version loaded, and those that failed to.

            EXAMPLES
              millrace models list
              millrace models list digits --retired
              millrace models list --store /srv/models --output json
            """)

    @Argument(help: "Only this model.")
    var name: String?

    @Flag(help: "List retired versions too.")
    var retired = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let session = try registry.open()
        let state = try await session.state()
        var table = TextTable([
            ("MODEL", .left), ("VERSION", .right), ("ALIASES", .left), ("LOADED", .left), ("SOURCE", .left),
            ("INPUTS", .left), ("DIGEST", .left),
        ])
        var documents: [JSONValue] = []
        for (name, model) in try models(of: state) {
            for (number, version) in model.versions.sorted(by: { $0.key < $1.key })
            where retired || !version.isRetired {
                let record = version.record
                let manifest = try session.manifest(record.digest)
                let inputs = manifest?.inputs.map { "\($0.name) \($0.shapeText)" }.joined(separator: ", ")
                var aliases = model.aliases.filter { $0.value.number == number }.keys.sorted()
                if version.isRetired { aliases.append("(retired)") }
                if model.aliases[AliasName.champion] == nil, model.champion == number {
                    aliases.append("(\(AliasName.champion))")
                }
                table.append(
                    name, String(number), aliases.joined(separator: ", "), loadedText(model, number),
                    record.framework ?? "", inputs ?? "not in this store", String(record.digest.prefix(12)))
                documents.append(document(name, model, version, isStored: manifest != nil))
            }
        }
        format.print(.array(documents)) {
            table.rows.isEmpty ? "no models\(session.isOffline ? " in \(session.storePath)" : "")" : table.render()
        }
    }

    private func models(of state: RegistryState) throws -> [(String, RegistryState.Model)] {
        if let name { return [(name, try state.model(name))] }
        return state.models.sorted { $0.key < $1.key }
    }

    private func loadedText(_ model: RegistryState.Model, _ number: Int) -> String {
        guard let residences = model.residences[number] else { return "" }
        let failures = residences.values.count { $0.failure != nil }
        return "\(residences.count - failures)" + (failures > 0 ? ", \(failures) failed" : "")
    }

    private func document(
        _ name: String, _ model: RegistryState.Model, _ version: RegistryState.Version, isStored: Bool
    ) -> JSONValue {
        let number = version.record.identity.number
        let residences = model.residences[number] ?? [:]
        return .object([
            "name": .string(name), "version": .integer(Int64(number)), "digest": .string(version.record.digest),
            "source": .string(version.record.framework ?? ""), "retired": .bool(version.isRetired),
            "stored": .bool(isStored), "champion": .bool(model.champion == number),
            "aliases": .array(model.aliases.filter { $0.value.number == number }.keys.sorted().map { .string($0) }),
            "loaded": .array(residences.filter { $0.value.failure == nil }.keys.sorted().map { .string($0) }),
            "failed": .array(residences.filter { $0.value.failure != nil }.keys.sorted().map { .string($0) }),
        ])
    }
}
