import ArgumentParser
import Synchronization

/// The `millrace` command: the service and its operator's tools in one binary.
@main
struct Millrace: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Serve models on Kafka.",
        discussion: """
            EXIT CODES
              0 fine   1 found a difference or an error result   2 usage or configuration
              3 brokers   4 not found   5 refused

            EXAMPLES
              millrace demo
              millrace predict model.h5 --request request.json
              millrace serve --config millrace.yaml
            """,
        version: version,
        subcommands: [
            DemoCommand.self, ServeCommand.self, PredictCommand.self, GenerateCommand.self, InferCommand.self,
            TrainCommand.self, ModelsCommand.self,
            ReplayCommand.self, DeadLettersCommand.self, OffsetsCommand.self, DoctorCommand.self,
            ConfigCommand.self, HealthCommand.self, BenchCommand.self, ImportWorkerCommand.self,
            CompletionsCommand.self,
        ])

    static func main() async {
        IsolatedModelFile.isOwnExecutable.store(true, ordering: .relaxed)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            CommandExit.exit(with: error)
        }
    }
}
