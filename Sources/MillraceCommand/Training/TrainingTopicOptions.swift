import ArgumentParser
import KafkaClient

/// Where training requests and events are: options that every command with jobs takes.
struct TrainingTopicOptions: ParsableArguments {
    @Option(help: "The topic of training requests.")
    var requestsTopic = "millrace.training.requests"

    @Option(help: "The topic of training events.")
    var eventsTopic = "millrace.training.events"

    @OptionGroup var options: ConfigurationOptions

    /// Names the job in a request's record.
    static let jobHeader = "millrace-job"
}
