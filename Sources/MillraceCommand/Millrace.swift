import ArgumentParser

/// The `millrace` command: the service and its operator's tools in one binary.
@main
struct Millrace: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Serve models on Kafka.",
        version: version,
        subcommands: [
            DemoCommand.self, ServeCommand.self, PredictCommand.self, InferCommand.self, ModelsCommand.self,
            ConfigCommand.self, HealthCommand.self,
        ])
}
