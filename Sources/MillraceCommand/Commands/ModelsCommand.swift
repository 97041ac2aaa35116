import ArgumentParser
import FoundationEssentials
import JSONDocuments
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine

/// `millrace models`.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Import, list and show model versions of the artifact store.",
        discussion: """
            EXAMPLES
              millrace models import model.h5 --name digits
              millrace models list
              millrace models show digits@1
            """,
        subcommands: [
            ModelsImportCommand.self, ModelsListCommand.self, ModelsShowCommand.self,
            ModelsAnsweredByCommand.self,
        ])
}

/// Where the artifact store lies: an option, else the configuration.
struct StoreOptions: ParsableArguments {
    @Option(help: "The artifact store's directory; default: models.store of the configuration.")
    var store: String?

    @OptionGroup var options: ConfigurationOptions

    func path() throws -> String {
        if let store { return store }
        return try options.load().configuration.models.store
    }

    /// Every version in the store; looking does not make one that is not there.
    static func versions(in path: String) throws -> [ModelVersion] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try VersionIndex(root: path).versions()
    }
}

struct ModelsImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a model file a new version in the artifact store.",
        discussion: """
            Reads Keras's .h5 files and Millrace's own bundles. The version gets the next number of its name; the highest \
            number is the champion, which requests get that name no version. A running service takes it up when it starts \
            the next time.

            EXAMPLES
              millrace models import model.h5 --name digits
              millrace models import model.h5 --name digits --metadata team=vision
            """)

    @Argument(help: "The model file.")
    var file: String

    @Option(help: "The model's name; default: the file's name without its ending.")
    var name: String?

    @Option(help: ArgumentHelp("A note kept in the manifest; may be given more than once.", valueName: "key=value"))
    var metadata: [String] = []

    @OptionGroup var store: StoreOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let name = self.name ?? ModelImport.defaultName(of: file)
        let version = try ModelImport.run(
            file: file, name: name, metadata: try parseMetadata(), store: try store.path())
        let document = JSONValue.object([
            "name": .string(version.identity.name), "version": .integer(Int64(version.identity.number)),
            "digest": .string(version.digest),
        ])
        format.print(document) { "imported \(file) as \(version.identity), digest \(version.digest)" }
    }

    private func parseMetadata() throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in metadata {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw CommandFailure(.usage, "--metadata: found \"\(text)\", expected key=value")
            }
            pairs[parts[0]] = parts[1]
        }
        return pairs
    }
}

struct ModelsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the versions of every model.",
        discussion: """
            EXAMPLES
              millrace models list
              millrace models list --store /srv/models --output json
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let path = try store.path()
        let versions = try StoreOptions.versions(in: path)
        var table = TextTable([
            ("MODEL", .left), ("VERSION", .right), ("SOURCE", .left), ("INPUTS", .left), ("DIGEST", .left),
        ])
        var documents: [JSONValue] = []
        for version in versions {
            let manifest = try DirectoryArtifactStore(root: path).bundle(digest: version.digest).manifest
            let inputs = manifest.inputs.map { "\($0.name) \($0.shapeText)" }.joined(separator: ", ")
            table.append(
                version.identity.name, String(version.identity.number), manifest.source?.framework ?? "", inputs,
                String(version.digest.prefix(12)))
            documents.append(
                .object([
                    "name": .string(version.identity.name), "version": .integer(Int64(version.identity.number)),
                    "digest": .string(version.digest), "source": .string(manifest.source?.framework ?? ""),
                ]))
        }
        format.print(.array(documents)) { table.rows.isEmpty ? "no models in \(path)" : table.render() }
    }
}

struct ModelsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a version's signature, source and digests.",
        discussion: """
            EXAMPLES
              millrace models show digits
              millrace models show digits@3 --output json
            """)

    @Argument(help: ArgumentHelp("A model, or one of its versions.", valueName: "name[@version]"))
    var model: String

    @OptionGroup var store: StoreOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let path = try store.path()
        let version = try VersionCatalog(StoreOptions.versions(in: path)).version(for: ModelReference(parsing: model))
        let manifest = try DirectoryArtifactStore(root: path).bundle(digest: version.digest).manifest
        format.print(manifest.json) {
            var table = TextTable([("FIELD", .left), ("VALUE", .left)])
            table.append("model", version.identity.description)
            table.append("digest", version.digest)
            table.append("weights", manifest.weightsSHA256)
            table.append("graph", manifest.graphSHA256)
            if let source = manifest.source {
                table.append("source", "\(source.framework) \(source.version), \(source.fileName)")
                table.append("source digest", source.sha256)
            }
            table.append("created", manifest.createdAt)
            for input in manifest.inputs {
                table.append("input", "\(input.name) \(Datatype(input.elementType).rawValue) \(input.shapeText)")
            }
            for output in manifest.outputs {
                table.append("output", "\(output.name) \(Datatype(output.elementType).rawValue) \(output.shapeText)")
            }
            for (key, value) in manifest.metadata.sorted(by: { $0.key < $1.key }) { table.append(key, value) }
            return table.render()
        }
    }
}
