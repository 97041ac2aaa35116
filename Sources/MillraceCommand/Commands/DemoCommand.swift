import ArgumentParser
import FoundationEssentials
import KafkaClient
import Logging
import Serving

/// `millrace demo`.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "See the whole path at work: real digits in, predictions out, every answer checked.",
        discussion: """
            Starts a Kafka cluster inside this process, imports a convolutional network that Keras trained, starts the \
            service over real sockets, sends 1,797 handwritten digits as requests from a separate producer, and compares \
            every prediction with Keras's own. Needs no broker and leaves nothing behind. Exits with 1 when an answer is \
            missing, duplicated or different.

            With --train the service trains the network itself: four fifths of the digits are put on a topic as rows, a \
            training request on another, and the events are followed through 5-fold cross-validation to the version that is \
            promoted. The last fifth is then sent as requests. Exits with 1 when the job does not complete, the mean \
            accuracy of the folds is below 0.98, or a request is not answered exactly once by the new version.

            EXAMPLES
              millrace demo
              millrace demo --output json
              millrace demo --train
              millrace demo --train --seed 8 --plot digits.svg
            """)

    @Flag(help: "Train the network from a topic, promote it and serve it, instead of importing it.")
    var train = false

    @Option(
        help: ArgumentHelp(
            "A folder with digits.npz and, without --train, cnn.h5 and cnn_outputs.npz.", valueName: "folder"))
    var data: String?

    @Option(
        help: "With --train: decides which digits are held out, the folds, the first weights and the order; default: 7."
    )
    var seed: Int?

    @Option(help: "With --train: seconds that the training may take; default: 300.")
    var maximumWait: Double?

    @Option(
        help: ArgumentHelp(
            "With --train: where to draw the training's curves and confusion matrix, as SVG.", valueName: "file.svg"),
        completion: .file(extensions: ["svg"]))
    var plot: String?

    @Flag(help: "Show the service's log.")
    var verbose = false

    @OptionGroup var format: OutputOptions

    func validate() throws {
        if !train {
            let given = [("--seed", seed != nil), ("--maximum-wait", maximumWait != nil), ("--plot", plot != nil)]
            for (option, isGiven) in given where isGiven { throw ValidationError("\(option) needs --train") }
        }
        if let seed, seed < 0 { throw ValidationError("--seed: found \(seed), expected 0 or more") }
        if let maximumWait, !(maximumWait > 0 && maximumWait <= 86_400) {
            throw ValidationError("--maximum-wait: found \(maximumWait), expected above 0 and at most 86400 seconds")
        }
        try PlotSheet.validate(plot)
    }

    func run() async throws {
        LogBootstrap.start(.init(level: verbose ? .info : .error, format: .text))
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-demo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try EmbeddedCluster()
        defer { broker.stop() }
        let cluster = try DemoCluster(broker, folder: folder.path, logger: Logger(label: "millrace.demo"))
        if train {
            try await runTraining(cluster)
        } else {
            try await runImported(cluster)
        }
    }

    private func runImported(_ cluster: DemoCluster) async throws {
        let dataset = try DigitsDataset(folder: data)
        let run = try DemoRun(dataset: dataset, cluster: cluster)
        if format.output == .table { Console.print("model: \(dataset.modelPath)\n\(cluster.place)") }
        let report = try await run.run()
        format.print(report.document) {
            report.text + "\n\n" + (report.isGood ? Self.next : "The answers are not what Keras gives.")
        }
        guard report.isGood else { throw CommandFailure(.difference, "the demonstration failed") }
    }

    private func runTraining(_ cluster: DemoCluster) async throws {
        var plan = DigitsTraining()
        if let seed { plan.seed = seed }
        if let maximumWait { plan.trainingTimeout = .seconds(maximumWait) }
        let run = try TrainingDemoRun(
            try LabelledDigits(folder: try data ?? LabelledDigits.folder()), plan: plan, cluster: cluster)
        if format.output == .table { Console.print(cluster.place) }
        let report = try await run.run {
            TrainingDisplay()
        } note: {
            Console.printError($0)
        }
        if let plot { try PlotSheet(report.job).write(to: plot) }
        format.print(report.document) { report.text + (report.isGood ? "\n\n" + Self.nextTraining : "") }
        guard report.isGood else {
            throw CommandFailure(
                .difference, "the demonstration failed: " + report.problems.joined(separator: "; "))
        }
    }

    private static let next = """
        Every answer matches. Where to go next:
          millrace demo --train                           train the network here, from a topic
          millrace predict model.h5 --inputs data.npz     your own model, without a broker
          millrace models import model.h5 --name NAME     into the artifact store
          millrace serve --config millrace.yaml           with your Kafka; docker compose up brings one
        """

    private static let nextTraining = """
        Trained, promoted and served. Where to go next:
          millrace train run request.json --bundle model      your own rows, without a broker
          millrace serve --set training.enabled=true          a service that trains, with your Kafka
          millrace train submit request.json --wait           ask it, and follow the job
        """
}
