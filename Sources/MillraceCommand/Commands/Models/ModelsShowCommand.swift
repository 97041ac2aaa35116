import ArgumentParser
import JSONDocuments
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine

struct ModelsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a version's signature, lineage, digests, aliases, and where it is loaded.",
        discussion: """
            As JSON: the manifest, with what the registry says as its member registry.

            EXAMPLES
              millrace models show digits
              millrace models show digits@3 --output json
            """)

    @Argument(help: ArgumentHelp("A model, or one of its versions.", valueName: "name[@version]"))
    var model: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let session = try registry.open()
        let state = try await session.state()
        let reference = ModelReference(parsing: model)
        let identity = try state.catalog.resolve(reference, includingRetired: true).version.identity
        let model = try state.model(identity.name)
        guard let version = model.versions[identity.number] else {
            throw RegistryError.unknownVersion(reference, available: model.versions.keys.sorted())
        }
        let manifest = try session.manifest(version.record.digest)
        format.print(document(model, version, manifest)) { table(model, version, manifest) }
    }

    // MARK: For people

    private func table(
        _ model: RegistryState.Model, _ version: RegistryState.Version, _ manifest: Manifest?
    ) -> String {
        let record = version.record
        var table = TextTable([("FIELD", .left), ("VALUE", .left)])
        table.append("model", record.identity.description)
        table.append("digest", record.digest)
        table.append("weights", record.weightsSHA256)
        table.append("graph", record.graphSHA256)
        if let manifest {
            append(manifest, to: &table)
        } else {
            table.append("manifest", "not in this store")
        }
        if let created = version.created, created.offset >= 0 { table.append("registered", text(created)) }
        if let retired = version.retired { table.append("retired", text(retired)) }
        let number = record.identity.number
        for (name, alias) in model.aliases.sorted(by: { $0.key < $1.key }) where alias.number == number {
            table.append("alias", "\(name), \(text(alias.set))")
        }
        if model.aliases[AliasName.champion] == nil, model.champion == number {
            table.append("alias", "(\(AliasName.champion)), by the highest number")
        }
        if let traffic = model.traffic, traffic.rule.uses(number) {
            table.append("traffic", "\(TrafficText.describe(traffic.rule)), \(text(traffic.set))")
        }
        for (instance, residence) in (model.residences[number] ?? [:]).sorted(by: { $0.key < $1.key }) {
            let time = EventTime.text(residence.reported.time)
            if let failure = residence.failure {
                table.append("failed on", "\(instance), \(time): \(failure)")
            } else {
                table.append("loaded on", "\(instance), \(time)")
            }
        }
        return table.render()
    }

    private func append(_ manifest: Manifest, to table: inout TextTable) {
        if let source = manifest.source {
            table.append("source", "\(source.framework) \(source.version), \(source.fileName)")
            table.append("source digest", source.sha256)
        }
        if let training = manifest.training {
            table.append("training", String(decoding: training.serialized(.compact), as: UTF8.self))
        }
        for (name, value) in manifest.metrics.sorted(by: { $0.key < $1.key }) { table.append(name, "\(value)") }
        table.append("created", manifest.createdAt)
        for input in manifest.inputs { table.append("input", signature(input)) }
        for output in manifest.outputs { table.append("output", signature(output)) }
        for (key, value) in manifest.metadata.sorted(by: { $0.key < $1.key }) { table.append(key, value) }
    }

    private func signature(_ value: ValueInfo) -> String {
        "\(value.name) \(Datatype(value.elementType).rawValue) \(value.shapeText)"
    }

    private func text(_ stamp: RegistryState.Stamp) -> String {
        "\(EventTime.text(stamp.time)) by \(stamp.operatorName), offset \(stamp.offset)"
    }

    // MARK: For programs

    private func document(
        _ model: RegistryState.Model, _ version: RegistryState.Version, _ manifest: Manifest?
    ) -> JSONValue {
        var members: [String: JSONValue] = [:]
        if case .object(let some)? = manifest?.json { members = some }
        let number = version.record.identity.number
        let residences = (model.residences[number] ?? [:]).sorted { $0.key < $1.key }
        let aliases = model.aliases.filter { $0.value.number == number }.sorted { $0.key < $1.key }
        members["registry"] = .object([
            "name": .string(version.record.identity.name), "version": .integer(Int64(number)),
            "digest": .string(version.record.digest), "stored": .bool(manifest != nil),
            "champion": .bool(model.champion == number),
            "created": version.created.map(document) ?? .null, "retired": version.retired.map(document) ?? .null,
            "aliases": .object(Dictionary(uniqueKeysWithValues: aliases.map { ($0.key, document($0.value.set)) })),
            "traffic": model.traffic.flatMap { $0.rule.uses(number) ? TrafficText.document($0.rule) : nil } ?? .null,
            "instances": .array(
                residences.map { instance, residence in
                    .object([
                        "instance": .string(instance), "loaded": .bool(residence.failure == nil),
                        "error": residence.failure.map { .string($0) } ?? .null,
                        "reported": document(residence.reported),
                    ])
                }),
        ])
        return .object(members)
    }

    private func document(_ stamp: RegistryState.Stamp) -> JSONValue {
        // A store without registry has no offsets.
        guard stamp.offset >= 0 else { return .null }
        return .object([
            "offset": .integer(stamp.offset), "time": .string(EventTime.text(stamp.time)),
            "operator": .string(stamp.operatorName),
        ])
    }
}
