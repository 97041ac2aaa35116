import ArgumentParser

/// Where training requests and events are: options that every command with jobs takes.
struct TrainingTopicOptions: ParsableArguments {
    @Option(help: "The topic of training requests (training.requests).")
    var requestsTopic: String?

    @Option(help: "The topic of training events (training.events).")
    var eventsTopic: String?

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        for (flag, name) in [("--requests-topic", requestsTopic), ("--events-topic", eventsTopic)] {
            guard let name, !isTopic(name) else { continue }
            throw ValidationError("\(flag): found \"\(name)\", expected \(ConfigurationValueType.topic.expected)")
        }
    }

    func requests(_ configuration: MillraceConfiguration) -> String {
        requestsTopic ?? configuration.training.requests
    }

    func events(_ configuration: MillraceConfiguration) -> String { eventsTopic ?? configuration.training.events }

    /// Names the job in a request's record.
    static let jobHeader = "millrace-job"
}
