import ArgumentParser
import JSONDocuments
import KafkaClient
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import Training

/// `millrace models reproduce`.
struct ModelsReproduceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Train a version again and compare the weights bit for bit.",
        discussion: """
            The version's manifest says what it was trained from: the request, the offsets of the topic's records or the file, \
            the rows' digest, the seed, and which fit of the job it is. The rows are read again, and unless their digest is \
            another, that fit is made again with the same code and its weights' SHA-256 compared with the manifest's. Nothing \
            is registered or written.

            Exits with 0 when the weights are the same, and with 1 when they are not (then the first tensor that differs is \
            shown) or the rows are others. Bits are promised for one engine build and instruction set; both engines are shown.

            EXAMPLES
              millrace models reproduce digits 3
              millrace models reproduce digits champion --output json
              millrace models reproduce iris 1 --dataset archive/iris.csv
            """)

    @Argument(help: "The model.")
    var name: String

    @Argument(help: "A number, an alias, or latest.")
    var version: String

    @Option(
        help: ArgumentHelp("A file with the rows, where they are not any more where they were.", valueName: "file"),
        completion: .file(extensions: ["csv", "jsonl", "ndjson", "npz"]))
    var dataset: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let session = try registry.open()
        let catalog = try await session.state().catalog
        let reference = ModelReference(name: name, version: VersionSelector(parsing: version))
        let found = try catalog.resolve(reference, includingRetired: true).version
        let bundle = try await session.artifacts().bundle(digest: found.digest)
        let (lineage, fit) = try Self.lineage(bundle.manifest, found.identity.description)
        let request = try Self.request(fit.request, dataset: dataset)
        let rows: any Dataset
        switch request.dataset.source {
        case .topic(let range):
            rows = try await TopicRows.read(request.dataset, range, lineage.ranges, registry.options)
        default:
            rows = try DatasetSource.load(
                request.dataset, positions: try Self.positions(lineage, found.identity.description)
            ).dataset
        }
        let base = try await self.base(of: request, lineage, catalog, session)
        let reproduction = try reproduce(
            found.identity.description, bundle, lineage, TrainingJob.Fit(id: lineage.fit, request: fit.request), rows,
            base)
        format.print(reproduction.document) { reproduction.text }
        // What differs has been said.
        if !reproduction.isEqual { throw ExitCode(ExitStatus.difference.rawValue) }
    }

    private func reproduce(
        _ identity: String, _ bundle: ModelBundle, _ lineage: TrainingLineage, _ fit: TrainingJob.Fit,
        _ rows: any Dataset, _ base: Graph?
    ) throws -> Reproduction {
        let engine = (recorded: lineage.engine, here: try CompiledGraph(bundle.graph).engineIdentity)
        let digests = (recorded: lineage.digest, found: rows.digest)
        guard digests.recorded == digests.found else {
            return Reproduction(
                identity: identity, fit: fit.id.description, dataset: digests, engine: engine,
                weights: (bundle.manifest.weightsSHA256, nil), difference: nil)
        }
        let display = TrainingDisplay()
        defer { display.finish() }
        display.begin(fit.id.description, of: 1)
        let outcome = try LocalTraining.outcome(of: fit, dataset: rows, base: base, display)
        display.end(fit.id.description, outcome.report)
        let made = ModelBundle(manifest: bundle.manifest, graph: outcome.graph)
        return Reproduction(
            identity: identity, fit: fit.id.description, dataset: digests, engine: engine,
            weights: (bundle.manifest.weightsSHA256, made.manifest.weightsSHA256),
            difference: Reproduction.firstDifference(bundle.graph, outcome.graph))
    }

    // MARK: What the manifest says

    /// - Throws: ``CommandFailure`` for a version that was not trained here, or whose manifest does not say enough.
    private static func lineage(
        _ manifest: Manifest, _ identity: String
    ) throws -> (lineage: TrainingLineage, fit: TrainingJob.Fit) {
        guard let training = manifest.training else {
            throw CommandFailure(
                .notFound,
                "\(identity): its manifest says nothing of a training; only what Millrace trained can be reproduced")
        }
        do throws(JSONError) {
            let lineage = try TrainingLineage(JSONCursor(training, path: "training"))
            return (lineage, TrainingJob.Fit(id: lineage.fit, request: lineage.fittedRequest ?? lineage.request))
        } catch {
            throw CommandFailure(.usage, "\(identity): manifest.json: \(error)")
        }
    }

    /// Of the rows of a file that were a topic's records; nil of other rows.
    /// - Throws: ``CommandFailure`` when not every offset was a row: a file does not say which were.
    private static func positions(_ lineage: TrainingLineage, _ identity: String) throws -> ArchivedPositions? {
        guard let positions = lineage.ranges.map(ArchivedPositions.init) else { return nil }
        guard positions.count == lineage.rowCount else {
            throw CommandFailure(
                .usage,
                "\(identity) was trained on \(lineage.rowCount) records of \(positions.count) offsets, and a file does not say "
                    + "which: it can be reproduced from its topic only")
        }
        return positions
    }

    private static func request(_ json: JSONValue, dataset: String?) throws -> TrainingRequest {
        do throws(JSONError) {
            return try TrainingRequest(
                try dataset.map { (file) throws(JSONError) in
                    try TrainingFile.replacing(file, in: json)
                } ?? json)
        } catch {
            throw CommandFailure(.usage, "manifest.json: training.request: \(error)")
        }
    }

    /// The graph of the version that the training went on from; nil when it began anew.
    private func base(
        of request: TrainingRequest, _ lineage: TrainingLineage, _ catalog: VersionCatalog, _ session: RegistrySession
    ) async throws -> Graph? {
        guard case .base(let base) = request.subject else { return nil }
        let digest: String
        if let recorded = lineage.baseDigest {
            digest = recorded
        } else {
            let reference = ModelReference(name: base.model ?? name, version: VersionSelector(parsing: base.version))
            digest = try catalog.resolve(reference, includingRetired: true).version.digest
        }
        return try await session.artifacts().bundle(digest: digest).graph
    }
}
