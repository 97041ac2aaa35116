import KafkaClient
import ModelRegistry
import Serving
import TensorEngine
import Testing

/// A pipeline over a log in memory, with a registry that follows a story.
struct LifecycleHarness: Sendable {
    let model: VersionedModel
    let log: CalmLog
    let registry: Registry
    var maximumModelWait = Duration.seconds(60)
    var maximumWaitingRequests = 4096

    init(_ model: VersionedModel, partitionCount: Int = 1, memoryBudget: Int? = nil) {
        self.model = model
        log = CalmLog(partitionCount: partitionCount)
        registry = Registry(store: model.store, memoryBudget: memoryBudget, logger: VersionedModel.quiet)
    }

    func follow(_ story: Story, preload: ServingPlan.Preload = .all) {
        registry.follow(ServingPlan(story.state, preload: preload))
    }

    func send(
        _ inputs: [[Int]], id: String = "r", key: String? = nil, version: String? = nil,
        model: String = VersionedModel.name, to partition: Int = 0
    ) {
        var headers = [KafkaHeader("millrace-model", model)]
        if let version { headers.append(KafkaHeader("millrace-version", version)) }
        log.append(VersionedModel.request(inputs, id: id), key: key, headers: headers, to: partition)
    }

    var results: [ProducerRecord] { log.answers(on: VersionedModel.results) }

    /// Waits for so many results.
    func results(_ count: Int, within timeout: Duration = .seconds(120)) async throws -> [ProducerRecord] {
        try await until(within: timeout) { results.count >= count }
        return results
    }

    /// Waits for what other threads bring about.
    func until(
        within timeout: Duration = .seconds(120), sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + timeout
        while !condition() {
            try #require(.now < deadline, "not within \(timeout)", sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Runs the pipeline and the loader while `body` does.
    func running<Value: Sendable>(
        _ body: @escaping @Sendable (InferencePipeline) async throws -> Value
    ) async throws -> Value {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        var configuration = PipelineConfiguration(
            requestTopics: [log.topic], batching: .init(maximumRows: 16, maximumDelay: .milliseconds(1)),
            threadCount: 2, shutdownDeadline: .seconds(30))
        configuration.maximumModelWait = maximumModelWait
        configuration.maximumWaitingRequests = maximumWaitingRequests
        let codec = RequestCodec()
        let pipeline = InferencePipeline(
            configuration, consumer: log, signal: log.signal, sink: log, registry: registry, pool: pool, codec: codec,
            encoder: AnswerEncoder(
                codec: codec,
                routing: AnswerRouting(
                    resultsTopic: VersionedModel.results, resultsPartitionCount: log.partitions.count,
                    deadLetterSuffix: "-dlt", applicationID: "test", maximumResultBytes: 900_000)),
            logger: VersionedModel.quiet)
        return try await withThrowingTaskGroup(of: Value?.self) { tasks in
            tasks.addTask {
                await ModelLoader(registry, warmUpRows: 16).run()
                return nil
            }
            tasks.addTask {
                try await pipeline.run()
                return nil
            }
            tasks.addTask {
                defer { pipeline.stop() }
                return try await body(pipeline)
            }
            var value: Value?
            while value == nil, let result = try await tasks.next() { value = result }
            // The pipeline ends by itself once it is told to; the loader has to be cancelled.
            while !pipeline.status.isStopping { await Task.yield() }
            tasks.cancelAll()
            while let result = try await tasks.next() { value = result ?? value }
            return try #require(value)
        }
    }
}
