import ArgumentParser
import JSONDocuments
import ModelRegistry

struct ModelsImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a model file a new version.",
        discussion: """
            Reads Keras's .h5 and .keras files, .onnx files, Hugging Face folders and Millrace's own bundles. The version gets the next number of its name; numbers are \
            never given twice. The bundle is stored first, then the version is written to the registry topic, where running \
            instances see it; without brokers it goes into the store's own index.

            Until a champion is set (--alias champion, or models promote), the highest number is what requests get that name \
            no version.

            EXAMPLES
              millrace models import model.h5 --name digits
              millrace models import model.h5 --name digits --alias candidate
              millrace models import model.h5 --metadata team=vision
            """)

    @Argument(help: "The model file or folder.")
    var file: String

    @Option(help: "The model's name; default: the file's name without its ending.")
    var name: String?

    @Option(help: "An alias to point to the new version, as champion.")
    var alias: String?

    @Option(help: ArgumentHelp("A note kept in the manifest; may be given more than once.", valueName: "key=value"))
    var metadata: [String] = []

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let name = self.name ?? ModelImport.defaultName(of: file)
        let metadata = try parseMetadata()
        let session = try registry.open()
        let version: ModelVersion
        if session.isOffline {
            guard alias == nil else { _ = try session.online(); return }
            version = try ModelImport.run(file: file, name: name, metadata: metadata, store: session.storePath)
        } else {
            version = try await ModelImport.run(
                file: file, name: name, metadata: metadata, alias: alias, session: session,
                operatorName: operatorOptions.effectiveName)
        }
        var document: [String: JSONValue] = [
            "name": .string(version.identity.name), "version": .integer(Int64(version.identity.number)),
            "digest": .string(version.digest),
        ]
        if let alias { document["alias"] = .string(alias) }
        format.print(.object(document)) {
            "imported \(file) as \(version.identity)\(alias.map { ", \($0)" } ?? ""), digest \(version.digest)"
        }
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
