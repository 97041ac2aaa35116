import ArgumentParser

/// `millrace train`.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model here, or have the service train it.",
        discussion: """
            A training request is one JSON document: the model's name, an architecture, an early model or a version to go on \
            from, the dataset, how to preprocess, fit, judge and promote. run does it in this process, from files; submit \
            puts it on the topic of training requests, where a service takes it and says on the topic of training events how \
            far it is.

            EXAMPLES
              millrace train run iris.json --dataset iris.csv --bundle iris-model
              millrace train submit request.json --wait
              millrace train status
              millrace train cancel 5b2c8f0e-6a43-4a27-a6c7-0f8f0f0f2a11
            """,
        subcommands: [
            TrainRunCommand.self, TrainSubmitCommand.self, TrainStatusCommand.self, TrainCancelCommand.self,
            TrainEventsCommand.self,
        ])
}
