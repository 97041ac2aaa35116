import FoundationEssentials
import KafkaClient
import Logging
import ModelFormats
import ServiceLifecycle
import Serving
import TensorEngine

/// The demonstration: an in-process cluster, the service over its real sockets, and a client of its own that sends
/// every image and checks every answer.
struct DemoRun {
    private static let partitions = 4
    private static let sendBatch = 100
    private static let readyTimeout = Duration.seconds(30)
    private static let answerTimeout = Duration.seconds(60)

    let dataset: DigitsDataset
    let configuration: MillraceConfiguration
    let logger: Logger
    private let inputName: String

    /// - Parameter folder: a folder that the run may write to; its store and nothing else.
    init(dataset: DigitsDataset, cluster: EmbeddedCluster, folder: String, logger: Logger) throws {
        self.dataset = dataset
        self.logger = logger
        var configuration = try LoadedConfiguration(layers: []).configuration
        configuration.applicationID = "millrace-demo"
        configuration.kafka.bootstrapServers = [cluster.bootstrapServers]
        configuration.models.store = folder
        configuration.recovery.directory = folder
        configuration.gateway.isEnabled = false
        // The cluster in this process keeps no transactional offsets.
        configuration.delivery = .atLeastOnce
        self.configuration = configuration
        for topic in configuration.topics.requests {
            try cluster.createTopic(topic, partitions: Self.partitions)
            try cluster.createTopic(topic + configuration.topics.deadLetterSuffix, partitions: Self.partitions)
        }
        try cluster.createTopic(configuration.topics.results, partitions: Self.partitions)
        _ = try ModelImport.run(
            ModelImport.open(dataset.modelPath, name: "digits"), name: "digits", metadata: [:], store: folder)
        inputName = try IsolatedModelFile.open(dataset.modelPath).graph.inputs.first?.name ?? ""
    }

    func run() async throws -> DemoReport {
        let service = try InferenceService(configuration, following: .store, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await waitUntilReady(service)
                let report = try await exchange(with: service)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                return report
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
    }

    private func waitUntilReady(_ service: InferenceService) async throws {
        let deadline = ContinuousClock.now + Self.readyTimeout
        while true {
            let checks = await service.readiness()
            if checks.allSatisfy(\.isReady) { return }
            guard .now < deadline else {
                let open = checks.filter { !$0.isReady }.map { "\($0.name): \($0.detail)" }.joined(separator: "; ")
                throw CommandFailure(.broker, "the service did not become ready: \(open)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    // MARK: The client

    private func exchange(with service: InferenceService) async throws -> DemoReport {
        let listener = try await ResultListener.open(configuration, logger: logger)
        let producer = try KafkaProducer(try configuration.producerConfiguration(), logger: logger)
        // The producer learns its topic before the clock starts.
        for topic in configuration.topics.requests { _ = try await producer.partitionCount(of: topic) }
        var checker = AnswerChecker(dataset: dataset)
        var progress = ProgressBar("requests", total: dataset.count)
        let started = ContinuousClock.now
        let outcome: Result<Void, any Error>
        do {
            async let sending: [ContinuousClock.Instant] = send(with: producer)
            try await listener.receive(until: started + Self.answerTimeout) { records in
                for record in records { checker.take(record, at: .now) }
                progress.update(checker.answered)
                return checker.answered < dataset.count
            }
            let elapsed = ContinuousClock.now - started
            // A little longer, for answers that should not come.
            try await listener.receive(until: .now + .milliseconds(500)) { records in
                for record in records { checker.take(record, at: .now) }
                return true
            }
            checker.finish(sentAt: try await sending, elapsed: elapsed, statistics: service.statistics)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        progress.finish()
        await producer.close(deadline: .seconds(2))
        await listener.close()
        try outcome.get()
        return checker.report
    }

    /// Sends every image as one request.
    /// - Returns: when each was handed to the producer.
    private func send(with producer: KafkaProducer) async throws -> [ContinuousClock.Instant] {
        let topic = configuration.topics.requests.first ?? ""
        var times: [ContinuousClock.Instant] = []
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: dataset.count, by: Self.sendBatch) {
                let range = start..<min(start + Self.sendBatch, dataset.count)
                let records = try range.map { try request($0, topic: topic) }
                let now = ContinuousClock.now
                times += range.map { _ in now }
                group.addTask {
                    for report in try await producer.produce(records) {
                        if case .failed(let error) = report { throw error }
                    }
                }
            }
            try await group.waitForAll()
        }
        return times
    }

    private func request(_ index: Int, topic: String) throws -> ProducerRecord {
        let numbers = try dataset.images.rows(index..<(index + 1)).elements(as: Float.self)
        let data = numbers.map { $0 == $0.rounded() ? String(Int($0)) : "\($0)" }.joined(separator: ",")
        let shape = dataset.images.shape.dimensions.dropFirst().map(String.init).joined(separator: ",")
        let body =
            #"{"id":"\#(index)","inputs":[{"name":"\#(inputName)","shape":[1,\#(shape)],"#
            + #""datatype":"FP32","data":[\#(data)]}]}"#
        return ProducerRecord(
            topic: topic, partition: Int32(index % Self.partitions), key: Array("image-\(index)".utf8)[...],
            value: Array(body.utf8)[...], headers: [KafkaHeader("millrace-model", "digits")])
    }
}
