import ArgumentParser
import FoundationEssentials
import JSONDocuments
import KafkaClient
import Serving
import Training

/// `millrace train submit`.
struct TrainSubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Put a training request on its topic for a service to train.",
        discussion: """
            The request is checked here first: what is wrong with it is said with its path and sends nothing. The job's id is \
            a new one, or that of --job; it goes into the record's header millrace-job, and train status, events and cancel \
            take it. The topics must exist.

            With --wait the command follows the job to its end, with the loss as train run shows it, and ends with 0 when the \
            job completed and 1 when it failed or was cancelled. Ending the command does not end the job.

            EXAMPLES
              millrace train submit request.json
              millrace train submit request.json --wait --plot digits.svg
              millrace train submit - --job nightly-2026-03-01 --output json < request.json
            """)

    @Argument(
        help: ArgumentHelp("The training request as JSON; - reads standard input.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var request: String

    @Option(help: ArgumentHelp("The job's id; default: a new UUID.", valueName: "id"))
    var job: String?

    @Flag(help: "Follow the job until it is over.")
    var wait = false

    @OptionGroup var waiting: TrainingWaitOptions
    @OptionGroup var topics: TrainingTopicOptions
    @OptionGroup var format: OutputOptions

    private static let jobLength = 1...249

    func validate() throws {
        if let job, !Self.jobLength.contains(job.utf8.count) {
            throw ValidationError("--job: found \(job.utf8.count) bytes, expected 1 to 249")
        }
        guard wait || (waiting.plot == nil && waiting.maximumWait == nil) else {
            throw ValidationError("--plot and --maximum-wait need --wait")
        }
    }

    func run() async throws {
        let request = try TrainingFile.request(self.request)
        let job = self.job ?? UUID().uuidString.lowercased()
        try await ClusterTool.with(topics.options, role: "train", timeout: .seconds(waiting.timeout)) { tool in
            _ = try await tool.partitions(of: topics.requests(tool.configuration))
            // Opened before the request is sent: no event can be missed.
            let listener = wait ? try await waiting.listener(tool, topic: topics.events(tool.configuration)) : nil
            let state: TrainingJobState?
            let place: TrainingSender.Place
            do {
                place = try await TrainingSender.send(
                    tool, topic: topics.requests(tool.configuration), model: request.model, value: request.json,
                    job: job,
                    timeout: waiting.timeout)
                if wait, format.output == .table {
                    Console.printError("millrace: job \(job) is \(place)")
                }
                if let listener {
                    state = try await waiting.follow(job, with: listener)
                } else {
                    state = nil
                }
            } catch {
                await listener?.close()
                throw error
            }
            await listener?.close()
            var document: [String: JSONValue] = [
                "job": .string(job), "model": .string(request.model), "request": .string(place.description),
            ]
            if let state, case .object(let members) = state.document {
                document.merge(members) { given, _ in given }
            }
            format.print(.object(document)) {
                state?.text ?? "job \(job) of model \(request.model) is \(place)"
            }
            try waiting.finish(state)
        }
    }
}

/// How long a command waits for a job, and what it draws of it.
struct TrainingWaitOptions: ParsableArguments {
    @Option(help: "Seconds to wait for the brokers.")
    var timeout = 30.0

    @Option(help: "Seconds to wait for the job; default: until it is over.")
    var maximumWait: Double?

    @Option(
        help: ArgumentHelp("Where to draw the job's curves and confusion matrix, as SVG.", valueName: "file.svg"),
        completion: .file(extensions: ["svg"]))
    var plot: String?

    func validate() throws {
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout: found \(timeout), expected above 0 and at most 3600 seconds")
        }
        if let maximumWait, !(maximumWait > 0 && maximumWait <= 31_536_000) {
            throw ValidationError("--maximum-wait: found \(maximumWait), expected above 0 and at most 31536000 seconds")
        }
        try PlotSheet.validate(plot)
    }

    func listener(_ tool: ClusterTool, topic: String, fromStart: Bool = false) async throws -> ResultListener {
        try await ResultListener.open(
            tool.configuration, topic: topic, fromStart: fromStart, timeout: .seconds(timeout), logger: tool.logger)
    }

    /// Until the job is over, with its loss on the terminal.
    /// - Parameter each: called for each of the job's events.
    /// - Returns: what came of it; of a job that is not over in time, what was heard of it, nil for nothing.
    func follow(
        _ job: String, with listener: ResultListener, display: TrainingDisplay? = TrainingDisplay(),
        each: (TrainingEventRecord) -> Void = { _ in }
    ) async throws -> TrainingJobState? {
        let deadline = ContinuousClock.now + .seconds(maximumWait ?? 1e9)
        return try await TrainingJobState.follow(job, with: listener, until: deadline, display: display, each: each)
    }

    /// Draws what was asked for, and says by the exit code what came of the job.
    /// - Parameter state: nil when nobody waited.
    func finish(_ state: TrainingJobState?, job: String? = nil) throws {
        guard let state else {
            if let maximumWait {
                throw CommandFailure(.difference, "no event within \(maximumWait) s; is a service running that trains?")
            }
            return
        }
        if let plot { try PlotSheet(state).write(to: plot) }
        if !state.isOver {
            throw CommandFailure(.difference, "job \(state.job) was not over within \(maximumWait ?? 0) s")
        }
        // What came of it has been said.
        if state.exitStatus != .success { throw ExitCode(state.exitStatus.rawValue) }
    }
}

extension TrainingJobState {
    /// Hears of a job until it is over or the time is up.
    /// - Parameter each: called for each of the job's events.
    /// - Returns: what was heard of it; nil for nothing.
    static func follow(
        _ job: String, with listener: ResultListener, until deadline: ContinuousClock.Instant,
        display: TrainingDisplay?, each: (TrainingEventRecord) -> Void = { _ in }
    ) async throws -> TrainingJobState? {
        var state: TrainingJobState?
        try await listener.receive(until: deadline) { records in
            for record in records where record.key.map({ $0.elementsEqual(job.utf8) }) == true {
                guard record.value != nil, let event = try? TrainingEventRecord(record) else { continue }
                if state == nil { state = TrainingJobState(event) } else { state?.take(event) }
                display?.show(event)
                each(event)
                if event.isLast { return false }
            }
            return true
        }
        display?.finish()
        return state
    }
}

extension TrainingDisplay {
    func show(_ event: TrainingEventRecord) {
        switch event.event.change {
        case .accepted(let acceptance): note("accepted\(acceptance.folds > 1 ? ", \(acceptance.folds) folds" : "")")
        case .started, .released: break
        case .progress(let progress): update(TrainingProgress(progress))
        case .evaluated(let fit, .report(let report)): end(fit.description, report)
        case .evaluated(let fit, .error(let message)): end(fit.description, failure: message)
        case .completed, .failed, .cancelled: finish()
        }
    }
}
