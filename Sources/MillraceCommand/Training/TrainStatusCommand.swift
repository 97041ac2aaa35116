import ArgumentParser
import JSONDocuments
import KafkaClient

/// `millrace train status`.
struct TrainStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "List training jobs, or show one at length.",
        discussion: """
            Reads the topic of training events: what its retention has deleted is not there. States: accepted, running, \
            completed, failed, cancelled; and waiting for one job whose request no service has taken yet.

            EXAMPLES
              millrace train status
              millrace train status nightly-2026-03-01
              millrace train status --model digits --from 2026-03-01T00:00:00Z --output json
            """)

    @Argument(help: ArgumentHelp("Only this job, at length.", valueName: "job"))
    var job: String?

    @Option(help: ArgumentHelp("Only jobs of this model.", valueName: "name"), completion: Completions.models)
    var model: String?

    @Option(help: ArgumentHelp("Only events since then.", valueName: "offset|time|earliest"))
    var from = OffsetBound.earliest

    @OptionGroup var topics: TrainingTopicOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        try await ClusterTool.with(topics.options, role: "train") { tool in
            let jobs = try await TrainingJobs.read(tool, topic: topics.events(tool.configuration), from: from, job: job)
            if jobs.unreadable > 0 {
                Console.printError(
                    "millrace: \(jobs.unreadable) records of \(topics.events(tool.configuration)) are no training events"
                )
            }
            guard let job else {
                let wanted = jobs.sorted.filter { model == nil || $0.model == model }
                format.print(.array(wanted.map(\.document))) { TrainingJobState.table(wanted) }
                return
            }
            if let state = jobs.states[job] {
                format.print(state.document) { state.text }
                return
            }
            guard let waiting = try await TrainingRequests.find(job, tool, topic: topics.requests(tool.configuration))
            else {
                throw CommandFailure(
                    .notFound,
                    "job \"\(job)\": neither \(topics.events(tool.configuration)) nor \(topics.requests(tool.configuration)) tells of it"
                )
            }
            let document: JSONValue = [
                "job": .string(job), "model": .string(waiting.model), "state": "waiting",
                "request": .string(waiting.place.description),
            ]
            format.print(document) {
                "job \(job) of model \(waiting.model) waits as \(waiting.place): no service has taken it yet"
            }
        }
    }
}

/// What the topic of training requests holds.
enum TrainingRequests {
    struct Found: Sendable {
        let model: String
        let place: TrainingSender.Place
    }

    /// The request of a job: by its header, or by where it is.
    /// - Returns: nil when the topic does not hold it, or is not there.
    static func find(_ job: String, _ tool: ClusterTool, topic: String) async throws -> Found? {
        guard try await tool.knownPartitions(of: topic) != nil else { return nil }
        var found: Found?
        try await TopicScan.read(tool, topic: topic) { record in
            let header = record.firstHeaderValue(ignoringCase: TrainingTopicOptions.jobHeader)
            let place = TrainingSender.Place(partition: record.topicPartition, offset: record.offset)
            let isNamed = header.map { $0.elementsEqual(job.utf8) } ?? (place.description == job)
            guard isNamed, let key = record.key else { return }
            found = Found(model: String(decoding: key, as: UTF8.self), place: place)
        }
        return found
    }
}
