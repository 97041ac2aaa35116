import ArgumentParser
import JSONDocuments
import ModelFormats
import TensorEngine
import Training

/// `millrace train run`.
struct TrainRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Train a model in this process, from files, without a broker.",
        discussion: """
            Makes the request's fits one after the other: the folds of its evaluation, the trials of its search, and the fit \
            whose model is the result. Shows the loss as it falls (a chart on a terminal, else lines on standard error), then \
            the metrics: of each fold, their mean and their standard deviation. The request's promotion rule is for a \
            registry: nothing is promoted here.

            The dataset is a CSV, JSON lines or NPZ file or the request's own rows; paths begin at the working directory. \
            --dataset takes the rows from another file in the same schema, also for a request whose dataset is a topic. \
            --bundle writes the model as a folder for predict and models import, with the request, the dataset's digest and \
            the seed in its manifest. --plot writes one SVG file: the loss, the metrics by epoch, the confusion matrix.

            With --checkpoint the training leaves in a folder how far it is: every checkpoint_steps steps, after every epoch \
            and after every fit. The same command goes on from there after it was ended or killed, to the same weights as \
            if it had not been. The folder is removed when the training is over.

            EXAMPLES
              millrace train run request.json
              millrace train run request.json --dataset rows.csv --bundle digits
              millrace train run request.json --plot digits.svg --output json
              millrace train run request.json --bundle digits --checkpoint digits-checkpoint
            """)

    @Argument(
        help: ArgumentHelp("The training request as JSON; - reads standard input.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var request: String

    @Option(
        help: ArgumentHelp(
            "Rows in place of those the request names: .csv, .jsonl, .ndjson or .npz.", valueName: "file"),
        completion: .file(extensions: ["csv", "jsonl", "ndjson", "npz"]))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "The model file or bundle that a request with a base version goes on from.", valueName: "model"),
        completion: .file())
    var base: String?

    @Option(help: ArgumentHelp("The new folder for the model.", valueName: "folder"), completion: .directory)
    var bundle: String?

    @Option(
        help: ArgumentHelp("Where to draw curves and confusion matrix, as SVG.", valueName: "file.svg"),
        completion: .file(extensions: ["svg"]))
    var plot: String?

    @Option(
        help: ArgumentHelp("Where to leave how far it is, and to go on from.", valueName: "folder"),
        completion: .directory)
    var checkpoint: String?

    @OptionGroup var format: OutputOptions

    func validate() throws { try PlotSheet.validate(plot) }

    func run() throws {
        let request = try TrainingFile.request(self.request, dataset: dataset)
        let rows = try DatasetSource.load(request.dataset)
        let base = try self.base.map { try IsolatedModelFile.open($0).graph }
        if case .base(let version) = request.subject, base == nil {
            throw CommandFailure(
                .usage,
                "base: the request goes on from \(version.model ?? request.model)@\(version.version), and there is no "
                    + "registry here: name its file or bundle with --base")
        }
        let display = TrainingDisplay()
        let checkpoints = try checkpoint.map {
            try LocalCheckpoints($0, request: request, dataset: rows.dataset, base: base)
        }
        if let checkpoint, checkpoints?.isResumed == true { display.note("going on from \(checkpoint)") }
        let training = try LocalTraining(request, dataset: rows.dataset, base: base, checkpoints: checkpoints)
        let result: LocalTraining.Result
        do {
            result = try training.run(display)
        } catch {
            display.finish()
            throw error
        }
        display.finish()
        let model = TrainedModel(result, of: request, dataset: rows.dataset)
        if let bundle { try model.bundle.write(to: bundle) }
        if let plot { try PlotSheet(result, title: request.model).write(to: plot) }
        let report = TrainingReport(
            request: request, result: result, model: model, dataset: rows.dataset, poison: rows.poison)
        var document = report.document
        if let bundle {
            document["bundle"] = .object(["path": .string(bundle), "digest": .string(model.bundle.digest)])
        }
        if let plot { document["plot"] = .string(plot) }
        format.print(.object(document)) {
            var lines = report.text
            if let bundle { lines += "\nwrote the model to \(bundle)" }
            if let plot { lines += "\ndrew \(plot)" }
            return lines
        }
        // Only now: what was made is where it was asked for.
        checkpoints?.remove()
    }
}
