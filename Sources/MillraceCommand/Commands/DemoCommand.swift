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

            EXAMPLES
              millrace demo
              millrace demo --output json
            """)

    @Option(help: ArgumentHelp("A folder with cnn.h5, digits.npz and cnn_outputs.npz.", valueName: "folder"))
    var data: String?

    @Flag(help: "Show the service's log.")
    var verbose = false

    @OptionGroup var format: OutputOptions

    func run() async throws {
        LogBootstrap.start(.init(level: verbose ? .info : .error, format: .text))
        let dataset = try DigitsDataset(folder: data)
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-demo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let cluster = try EmbeddedCluster()
        defer { cluster.stop() }
        let run = try DemoRun(
            dataset: dataset, cluster: cluster, folder: folder.path, logger: Logger(label: "millrace.demo"))
        if format.output == .table {
            Console.print("model: \(dataset.modelPath)\nbroker: \(cluster.bootstrapServers) (in this process)")
        }
        let report = try await run.run()
        format.print(report.document) {
            report.text + "\n\n" + (report.isGood ? Self.next : "The answers are not what Keras gives.")
        }
        guard report.isGood else { throw CommandFailure(.difference, "the demonstration failed") }
    }

    private static let next = """
        Every answer matches. Where to go next:
          millrace predict model.h5 --inputs data.npz     your own model, without a broker
          millrace models import model.h5 --name NAME     into the artifact store
          millrace serve --config millrace.yaml           with your Kafka; docker compose up brings one
        """
}
