import ArgumentParser
import JSONDocuments
import ModelFormats
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

            --quantize int8 keeps the weights of matrix products in 8 bits, a quarter of the size, and says how the answers \
            change: on the rows of --calibration, a .npz with the model's inputs and, if it has them, the right classes \
            as "labels"; otherwise on random rows, which tell less.

            EXAMPLES
              millrace models import model.h5 --name digits
              millrace models import model.h5 --name digits --alias candidate
              millrace models import model.h5 --metadata team=vision
              millrace models import model.h5 --quantize int8 --calibration rows.npz
            """)

    @Argument(help: "The model file or folder.")
    var file: String

    @Option(help: "The model's name; default: the file's name without its ending.")
    var name: String?

    @Option(help: "An alias to point to the new version, as champion.")
    var alias: String?

    @Option(help: ArgumentHelp("A note kept in the manifest; may be given more than once.", valueName: "key=value"))
    var metadata: [String] = []

    @Option(help: "Quantise the weights of matrix products: int8.")
    var quantize: WeightQuantization?

    @Option(
        help: ArgumentHelp("Rows on which --quantize measures how answers change.", valueName: "file.npz"),
        completion: .file(extensions: ["npz"]))
    var calibration: String?

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard calibration == nil || quantize != nil else { throw ValidationError("--calibration needs --quantize") }
    }

    func run() async throws {
        let name = self.name ?? ModelImport.defaultName(of: file)
        var metadata = try parseMetadata()
        var imported = try ModelImport.open(file, name: name)
        // Quantised weights are not those that a training made.
        let lineage = quantize == nil ? try ImportedLineage.read(file) : .none
        var report: QuantizationReport?
        if quantize != nil {
            let (quantized, made) = try QuantizationReport.quantize(imported.graph, calibration: calibration)
            imported = ImportedModel(graph: quantized, source: imported.source, metadata: imported.metadata)
            metadata.merge(made.metadata) { given, _ in given }
            report = made
        }
        let session = try registry.open()
        let version: ModelVersion
        if session.isOffline {
            guard alias == nil else { _ = try session.online(); return }
            version = try ModelImport.run(
                imported, name: name, metadata: metadata, lineage: lineage, store: session.storePath)
        } else {
            version = try await ModelImport.run(
                imported, name: name, metadata: metadata, lineage: lineage, alias: alias, session: session,
                operatorName: operatorOptions.effectiveName)
        }
        var document: [String: JSONValue] = [
            "name": .string(version.identity.name), "version": .integer(Int64(version.identity.number)),
            "digest": .string(version.digest),
        ]
        if let alias { document["alias"] = .string(alias) }
        if let report { document["quantization"] = report.document }
        format.print(.object(document)) {
            let line =
                "imported \(file) as \(version.identity)\(alias.map { ", \($0)" } ?? ""), digest \(version.digest)"
            return report.map { "\(line)\n\($0.text)" } ?? line
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
