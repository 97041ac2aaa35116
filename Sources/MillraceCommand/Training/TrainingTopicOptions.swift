import ArgumentParser

/// Where training requests and events are: options that every command with jobs takes.
struct TrainingTopicOptions: ParsableArguments {
    @Option(help: "The topic of training requests; default: millrace.training.requests.")
    var requestsTopic: String?

    @Option(help: "The topic of training events; default: millrace.training.events.")
    var eventsTopic: String?

    @OptionGroup var options: ConfigurationOptions

    func requests(_ configuration: MillraceConfiguration) -> String { requestsTopic ?? "millrace.training.requests" }
    func events(_ configuration: MillraceConfiguration) -> String { eventsTopic ?? "millrace.training.events" }

    /// Names the job in a request's record.
    static let jobHeader = "millrace-job"
}
