import KafkaClient
import ModelRegistry
import Serving
import Training

/// The demonstration of training: the service of `serve` with `training.enabled` and the registry topic, and a client that
/// knows nothing but topics. It puts rows on one, asks for a training, follows it, and asks the version that was promoted
/// about images that were kept from it.
struct TrainingDemoRun: Sendable {
    private static let job = "demo"
    private static let brokerTimeout = Duration.seconds(30)
    private static let loadingTimeout = Duration.seconds(30)
    private static let answerTimeout = Duration.seconds(60)
    /// For answers that should not come.
    private static let overtime = Duration.milliseconds(500)
    private static let tick = Duration.milliseconds(50)

    let digits: LabelledDigits
    let plan: DigitsTraining
    let split: Split
    private let cluster: DemoCluster
    private let started = ContinuousClock.now

    private var configuration: MillraceConfiguration { cluster.configuration }

    /// - Throws: `JSONError` for a plan that is no training request; what is wrong with the images.
    init(_ digits: LabelledDigits, plan: DigitsTraining, cluster: DemoCluster) throws {
        self.digits = digits
        self.plan = plan
        self.cluster = cluster
        split = try plan.split(digits)
        _ = try TrainingRequest(plan.request(digits))
        let configuration = cluster.configuration
        try cluster.create([
            plan.topic, configuration.training.requests, configuration.training.events, configuration.training.tasks,
        ])
        try cluster.create([configuration.topics.models], partitions: 1)
    }

    /// - Parameters:
    ///   - display: shows the training.
    ///   - note: called with a line for each step.
    /// - Throws: ``CommandFailure`` when a step fails or takes too long.
    func run(
        display: @escaping @Sendable () -> TrainingDisplay = { TrainingDisplay() },
        note: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> TrainingDemoReport {
        let inference = try InferenceService(configuration, logger: cluster.logger)
        let training = try TrainingService(configuration, logger: cluster.logger)
        return try await cluster.run([inference, training]) {
            let tool = try ClusterTool(
                configuration, role: "demo", timeout: Self.brokerTimeout, logger: cluster.logger)
            let producer = try KafkaProducer(try configuration.producerConfiguration(), logger: cluster.logger)
            let result: Result<TrainingDemoReport, any Error>
            do {
                result = .success(try await exchange(inference, tool, producer, display(), note))
            } catch {
                result = .failure(error)
            }
            await producer.close(deadline: .seconds(2))
            await tool.admin.close(deadline: .seconds(2))
            return try result.get()
        }
    }

    private func exchange(
        _ inference: InferenceService, _ tool: ClusterTool, _ producer: KafkaProducer, _ display: TrainingDisplay,
        _ note: (String) -> Void
    ) async throws -> TrainingDemoReport {
        try await DemoCluster.produce(
            try split.training.map { index in
                ProducerRecord(
                    topic: plan.topic, partition: Int32(index % DemoCluster.partitions),
                    key: Array("image-\(index)".utf8)[...], value: try digits.row(index)[...])
            }, with: producer)
        note("\(split.training.count) rows on \(plan.topic); \(split.validation.count) images held out")

        let (job, seconds) = try await train(tool, display, note)
        guard let completion = job.completion else { throw Self.failure(job, plan.trainingTimeout) }
        var report = TrainingDemoReport(
            plan: plan, rows: split.training.count, job: job, completion: completion, trainingSeconds: seconds)
        if completion.promoted {
            let started = ContinuousClock.now
            try await waitUntilServed(completion)
            try await cluster.waitUntilReady(inference)
            report.loadingSeconds = (.now - started) / .seconds(1)
            note("\(plan.model)@\(completion.version) is loaded; asking it about the images that were held out")
            report.answers = try await ask(completion, producer)
        }
        report.seconds = (.now - started) / .seconds(1)
        return report
    }

    // MARK: The training

    private func train(
        _ tool: ClusterTool, _ display: TrainingDisplay, _ note: (String) -> Void
    ) async throws -> (job: TrainingJobState, seconds: Double) {
        let started = ContinuousClock.now
        // Opened before the request is sent: no event can be missed.
        let listener = try await ResultListener.open(
            configuration, topic: configuration.training.events, fromStart: true, logger: cluster.logger)
        let result: Result<TrainingJobState?, any Error>
        do {
            let place = try await TrainingSender.send(
                tool, topic: configuration.training.requests, model: plan.model, value: plan.request(digits),
                job: Self.job, timeout: Self.brokerTimeout / .seconds(1))
            note("training request is \(place)")
            result = .success(
                try await TrainingJobState.follow(
                    Self.job, with: listener, until: started + plan.trainingTimeout, display: display))
        } catch {
            result = .failure(error)
        }
        await listener.close()
        guard let job = try result.get() else {
            throw CommandFailure(
                .difference, "the service did not accept the training request within \(plan.trainingTimeout)")
        }
        return (job, (.now - started) / .seconds(1))
    }

    /// What to say of a job that did not complete.
    static func failure(_ job: TrainingJobState, _ timeout: Duration) -> CommandFailure {
        if let failure = job.failure { return CommandFailure(.difference, "the training failed: \(failure)") }
        guard !job.isOver else { return CommandFailure(.difference, "the training was \(job.state)") }
        let place = job.progress.map { " (\($0.fit), epoch \($0.epoch + 1))" } ?? ""
        return CommandFailure(.difference, "the training was not over within \(timeout): \(job.state)\(place)")
    }

    // MARK: The version

    /// Until the registry topic says that the alias means the version and that the service has loaded it.
    private func waitUntilServed(_ completion: TrainingEvent.Completion) async throws {
        let log = try configuration.registry(logger: cluster.logger).log
        let deadline = ContinuousClock.now + Self.loadingTimeout
        let name = "\(plan.model)@\(completion.version)"
        while true {
            let update = try await log.read()
            if let failure = update.failure { throw failure }
            let model = update.state.models[plan.model]
            if let residence = model?.residences[completion.version]?[configuration.instanceID] {
                if let reason = residence.failure {
                    throw CommandFailure(.difference, "\(name) cannot be loaded: \(reason)")
                }
                if model?.aliases[plan.alias]?.number == completion.version { return }
            }
            guard .now < deadline else {
                throw CommandFailure(.difference, "the service did not load \(name) within \(Self.loadingTimeout)")
            }
            try await Task.sleep(for: Self.tick)
        }
    }

    private func ask(
        _ completion: TrainingEvent.Completion, _ producer: KafkaProducer
    ) async throws -> PromotedAnswers {
        let topic = configuration.topics.requests.first ?? ""
        // Without a version: what answers is what the alias means.
        let requests = try split.validation.enumerated().map { number, index in
            ProducerRecord(
                topic: topic, partition: Int32(number % DemoCluster.partitions),
                key: Array(PromotedAnswers.key(number).utf8)[...],
                value: try digits.request(index, id: number, inputName: LabelledDigits.imageName)[...],
                headers: [KafkaHeader(RecordHeaderName.model, plan.model)])
        }
        var answers = PromotedAnswers(
            model: plan.model, version: completion.version, weights: completion.weights,
            labels: split.validation.map { digits.labels[$0] })
        let listener = try await ResultListener.open(configuration, logger: cluster.logger)
        let result: Result<Void, any Error>
        do {
            let started = ContinuousClock.now
            async let sending: Void = DemoCluster.produce(requests, with: producer)
            try await listener.receive(until: started + Self.answerTimeout) { records in
                for record in records { answers.take(record) }
                return answers.missing > 0
            }
            answers.seconds = (.now - started) / .seconds(1)
            try await sending
            try await listener.receive(until: .now + Self.overtime) { records in
                for record in records { answers.take(record) }
                return true
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await listener.close()
        try result.get()
        return answers
    }
}
