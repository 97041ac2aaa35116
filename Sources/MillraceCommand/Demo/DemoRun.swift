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
    private static let sendBatch = 100
    private static let answerTimeout = Duration.seconds(60)

    let dataset: DigitsDataset
    private let cluster: DemoCluster
    private let inputName: String

    private var configuration: MillraceConfiguration { cluster.configuration }
    private var logger: Logger { cluster.logger }

    init(dataset: DigitsDataset, cluster: DemoCluster) throws {
        self.dataset = dataset
        self.cluster = cluster
        _ = try ModelImport.run(
            ModelImport.open(dataset.modelPath, name: "digits"), name: "digits", metadata: [:],
            store: cluster.configuration.models.store)
        inputName = try IsolatedModelFile.open(dataset.modelPath).graph.inputs.first?.name ?? ""
    }

    func run() async throws -> DemoReport {
        let service = try InferenceService(configuration, following: .store, logger: logger)
        return try await cluster.run([service]) {
            try await cluster.waitUntilReady(service)
            return try await exchange(with: service)
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
                group.addTask { try await DemoCluster.produce(records, with: producer) }
            }
            try await group.waitForAll()
        }
        return times
    }

    private func request(_ index: Int, topic: String) throws -> ProducerRecord {
        ProducerRecord(
            topic: topic, partition: Int32(index % DemoCluster.partitions), key: Array("image-\(index)".utf8)[...],
            value: try dataset.digits.request(index, inputName: inputName)[...],
            headers: [KafkaHeader(RecordHeaderName.model, "digits")])
    }
}
