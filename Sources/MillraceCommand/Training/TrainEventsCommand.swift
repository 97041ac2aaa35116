import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace train events`.
struct TrainEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "List a training job's events, or follow them to its end.",
        discussion: """
            With --follow the events that are there are followed by new ones until the job is over; the command then ends \
            with 0 when it completed and 1 when it failed or was cancelled. With --follow --output json every event is one \
            line.

            EXAMPLES
              millrace train events nightly-2026-03-01
              millrace train events nightly-2026-03-01 --follow --output json
              millrace train events nightly-2026-03-01 --plot digits.svg
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @Flag(help: "Go on with new events until the job is over.")
    var follow = false

    @OptionGroup var waiting: TrainingWaitOptions
    @OptionGroup var topics: TrainingTopicOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard follow || waiting.maximumWait == nil else { throw ValidationError("--maximum-wait needs --follow") }
    }

    func run() async throws {
        try await ClusterTool.with(topics.options, role: "train", timeout: .seconds(waiting.timeout)) { tool in
            if follow { try await follow(tool) } else { try await list(tool) }
        }
    }

    private func list(_ tool: ClusterTool) async throws {
        var events: [TrainingEventRecord] = []
        let jobs = try await TrainingJobs.read(tool, topic: topics.events(tool.configuration), job: job) { record in
            guard record.value != nil, let event = try? TrainingEventRecord(record) else { return }
            events.append(event)
        }
        guard let state = jobs.states[job] else {
            throw CommandFailure(.notFound, "job \"\(job)\": \(topics.events(tool.configuration)) has no events of it")
        }
        format.print(.array(events.map(\.document))) {
            var table = TextTable(TrainingEventRecord.columns)
            for event in events { table.append(cells: event.cells) }
            return table.render()
        }
        if let plot = waiting.plot { try PlotSheet(state).write(to: plot) }
    }

    private func follow(_ tool: ClusterTool) async throws {
        let listener = try await waiting.listener(tool, topic: topics.events(tool.configuration), fromStart: true)
        let result: Result<TrainingJobState?, any Error>
        do {
            let state = try await waiting.follow(job, with: listener, display: nil) { event in
                switch format.output {
                case .json: Console.write(event.document.serialized() + [UInt8(ascii: "\n")])
                case .table: Console.print(event.cells.filter { !$0.isEmpty }.joined(separator: "  "))
                }
            }
            result = .success(state)
        } catch {
            result = .failure(error)
        }
        await listener.close()
        try waiting.finish(try result.get())
    }
}
