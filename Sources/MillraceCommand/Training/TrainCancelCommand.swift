import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace train cancel`.
struct TrainCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Ask the service to end a training job.",
        discussion: """
            Puts the wish on the partition of the job's request, where the service that trains it, or will, reads it. The job \
            is over once its event cancelled is there: see train status.

            EXAMPLES
              millrace train cancel nightly-2026-03-01
              millrace train cancel millrace.training.requests/0/42
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @Option(help: "Seconds to wait for the brokers.")
    var timeout = 30.0

    @OptionGroup var topics: TrainingTopicOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout: found \(timeout), expected above 0 and at most 3600 seconds")
        }
    }

    func run() async throws {
        try await ClusterTool.with(topics.options, role: "train", timeout: .seconds(timeout)) { tool in
            if try await tool.knownPartitions(of: topics.events(tool.configuration)) != nil {
                let state = try await TrainingJobs.read(tool, topic: topics.events(tool.configuration), job: job)
                    .states[job]
                if let state, state.isOver {
                    throw CommandFailure(.refused, "job \"\(job)\" is over: \(state.state) at \(state.updated)")
                }
            }
            guard let request = try await TrainingRequests.find(job, tool, topic: topics.requests(tool.configuration))
            else {
                throw CommandFailure(
                    .notFound, "job \"\(job)\": \(topics.requests(tool.configuration)) does not hold its request")
            }
            let place = try await TrainingSender.send(
                tool, topic: topics.requests(tool.configuration), model: request.model, value: ["cancel": .string(job)],
                job: nil,
                partition: request.place.partition.partition, timeout: timeout)
            let document: JSONValue = [
                "job": .string(job), "model": .string(request.model), "request": .string(request.place.description),
                "cancellation": .string(place.description),
            ]
            format.print(document) { "asked to cancel job \(job) of model \(request.model)" }
        }
    }
}
