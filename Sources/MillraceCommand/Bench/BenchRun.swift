import FoundationEssentials
import KafkaClient
import Logging
import Synchronization

/// Runs the service, the echo, or both in turns, on the same requests.
struct BenchRun {
    static let modelName = "bench"
    private static let sendBatch = 2000
    /// Seconds that a run may take beside its pace.
    private static let patience = 300
    private static let answerTimeout = Duration.seconds(60)

    let options: BenchOptions
    let stages: [BenchStage]
    let logger: Logger

    func run() async throws -> BenchReport {
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let model = try BenchModel(options, folder: folder)
        _ = try ModelImport.run(
            ModelImport.open(model.path, name: Self.modelName), name: Self.modelName, metadata: [:],
            store: folder + "/models")
        let draft = BenchRequests(model, encoding: options.encoding, topic: "", partitions: 1)
        let topics = try BenchTopics(options, recordBytes: draft.approximateBytes, logger: logger)
        let result: Result<BenchReport, any Error>
        do {
            try await topics.createRequests()
            let requests = BenchRequests(
                model, encoding: options.encoding, topic: topics.requests, partitions: topics.partitions)
            result = .success(try await measure(requests, topics, folder: folder))
        } catch {
            result = .failure(error)
        }
        await topics.close()
        return try result.get()
    }

    private func measure(_ requests: BenchRequests, _ topics: BenchTopics, folder: String) async throws -> BenchReport {
        if options.rate == nil { try await fill(requests, topics) }
        var progress = ProgressBar("running", total: options.rounds * stages.count)
        defer { progress.finish() }
        var measurements: [BenchMeasurement] = []
        for round in 0..<options.rounds {
            // Whoever comes second finds warmer caches: the order changes from round to round.
            for stage in round % 2 == 0 ? stages : stages.reversed() {
                progress.update(measurements.count)
                let run = try await topics.nextRun(measurements.count)
                var configuration = try LoadedConfiguration(layers: []).configuration
                configuration.applicationID = run.applicationID
                configuration.kafka.bootstrapServers = [topics.bootstrapServers]
                configuration.topics.results = run.results
                let report = "\(folder)/report-\(measurements.count).json"
                let worker = {
                    try startWorker(stage, configuration, requests: topics.requests, folder: folder, report: report)
                }
                if let rate = options.rate {
                    // A worker of its own topic: the requests of earlier runs are none of its business.
                    measurements.append(
                        try await paced(stage, configuration, requests, rate: rate, startWorker: worker))
                    await topics.delete([topics.requests])
                    try await topics.createRequests()
                } else {
                    measurements.append(try await backlog(stage, configuration, startWorker: worker))
                }
                await topics.delete([run.results])
            }
        }
        progress.update(measurements.count)
        return BenchReport(measurements: measurements)
    }

    private func startWorker(
        _ stage: BenchStage, _ configuration: MillraceConfiguration, requests: String, folder: String, report: String
    ) throws -> BenchWorkerProcess {
        try BenchWorkerProcess(
            stage: stage, requests: options.requestsPerRun + (options.rate == nil ? 0 : 1),
            timeout: Self.patience + (options.rate == nil ? 0 : options.duration), reportPath: report,
            configuration: [
                "application-id": configuration.applicationID, "instance-id": "bench",
                "kafka.bootstrap-servers": configuration.bootstrapServers, "topics.requests": requests,
                "topics.results": configuration.topics.results, "models.store": folder + "/models",
                "delivery": options.effectiveDelivery.rawValue, "gateway.enabled": "false",
            ], assignments: options.assignments, verbose: options.verbose)
    }

    // MARK: Backlog

    private func producer(_ bootstrapServers: String, linger: Duration) throws -> KafkaProducer {
        var configuration = ProducerConfiguration(
            kafka: try KafkaConfiguration(bootstrapServers: bootstrapServers, clientID: "millrace-bench"))
        configuration.linger = linger
        return try KafkaProducer(configuration, logger: logger)
    }

    private func fill(_ requests: BenchRequests, _ topics: BenchTopics) async throws {
        var progress = ProgressBar("filling", total: options.requests)
        defer { progress.finish() }
        let producer = try producer(topics.bootstrapServers, linger: .milliseconds(5))
        let result: Result<Void, any Error>
        do {
            for start in stride(from: 0, to: options.requests, by: Self.sendBatch) {
                let indices = start..<min(start + Self.sendBatch, options.requests)
                for report in try await producer.produce(indices.map(requests.record)) { _ = try report.get() }
                progress.update(indices.upperBound)
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await producer.close(deadline: .seconds(5))
        try result.get()
    }

    /// The results are read when the worker is done: a reader beside it would take part of the machine from it.
    private func backlog(
        _ stage: BenchStage, _ configuration: MillraceConfiguration, startWorker: () throws -> BenchWorkerProcess
    ) async throws -> BenchMeasurement {
        let report = try await startWorker().report()
        let listener = try await ResultListener.open(configuration, fromStart: true, logger: logger)
        var answers = BenchAnswers(requests: options.requests)
        try await listener.receive(until: .now + Self.answerTimeout) { records in
            for record in records { answers.take(record, at: 0) { _ in nil } }
            return answers.answered < options.requests
        }
        await listener.close()
        return BenchMeasurement(
            stage: stage, requests: options.requests, worker: report, answers: answers, isPaced: false)
    }

    // MARK: Paced

    private func paced(
        _ stage: BenchStage, _ configuration: MillraceConfiguration, _ requests: BenchRequests, rate: Int,
        startWorker: () throws -> BenchWorkerProcess
    ) async throws -> BenchMeasurement {
        let count = options.requestsPerRun
        let listener = try await ResultListener.open(configuration, logger: logger)
        let producer = try producer(configuration.bootstrapServers, linger: .zero)
        let worker = try startWorker()
        let result: Result<BenchAnswers, any Error>
        do {
            // The request after the last one shows that the worker is ready.
            _ = try await producer.produce([requests.record(count)])
            guard try await listener.first(within: Self.answerTimeout, where: { _ in true }) != nil else {
                throw CommandFailure(.broker, "no answer within \(Self.answerTimeout)")
            }
            let start = ProcessUsage.now() + 0.1
            async let sending: Void = Self.send(requests, count: count, rate: rate, start: start, with: producer)
            var answers = BenchAnswers(requests: count)
            let end = ContinuousClock.now + .seconds(options.duration + 1) + Self.answerTimeout
            try await listener.receive(until: end) { records in
                let now = ProcessUsage.now()
                for record in records {
                    answers.take(record, at: now) { $0 < rate ? nil : start + Double($0) / Double(rate) }
                }
                return answers.answered < count
            }
            try await sending
            result = .success(answers)
        } catch {
            worker.terminate()
            result = .failure(error)
        }
        await producer.close(deadline: .seconds(2))
        await listener.close()
        let answers = try result.get()
        return BenchMeasurement(
            stage: stage, requests: count, worker: try await worker.report(), answers: answers, isPaced: true)
    }

    /// Sends every request when it is due; late ones are sent at once and keep their due time, so that a stall of the
    /// sender counts as latency too.
    private static func send(
        _ requests: BenchRequests, count: Int, rate: Int, start: Double, with producer: KafkaProducer
    ) async throws {
        var sent = 0
        while sent < count {
            let due = min(count, Int((ProcessUsage.now() - start) * Double(rate)) + 1)
            if due > sent {
                try producer.enqueue((sent..<due).map(requests.record)) { _ in }
                sent = due
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
