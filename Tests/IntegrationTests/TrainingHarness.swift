import Foundation
import JSONDocuments
import KafkaClient
import Logging
import ModelRegistry
import Serving
import TensorEngine
import TestSupport
import Testing

/// Training over real sockets: topics of its own, rows of three kinds of points, and any number of instances.
final class TrainingHarness: Sendable {
    let broker: TestBroker
    let folder: TemporaryFolder
    let kafka: KafkaConfiguration
    let application: String
    let requests: String
    let events: String
    let tasks: String
    let rows: String
    let lineage: String
    let registry: RegistryHarness
    private let producer: KafkaProducer

    static let rowsPerPartition = 60

    init() async throws {
        registry = try RegistryHarness("training")
        broker = TestBroker(bootstrapServers: registry.kafka.bootstrapServers, embedded: registry.embedded)
        if let embedded = registry.embedded { try embedded.createTopic(registry.topic, partitions: 1) }
        kafka = registry.kafka
        folder = try TemporaryFolder()
        let unique = UUID().uuidString.prefix(8)
        application = "training-\(unique)"
        requests = "requests-\(unique)"
        events = "events-\(unique)"
        tasks = "tasks-\(unique)"
        rows = "rows-\(unique)"
        lineage = "lineage-\(unique)"
        for (topic, partitions) in [(requests, 2), (events, 2), (tasks, 4), (rows, 2), (lineage, 1)] {
            try await broker.createTopic(topic, partitions: partitions)
        }
        producer = try KafkaProducer(ProducerConfiguration(kafka: kafka), logger: .quiet)
        try await produceRows()
    }

    private func produceRows() async throws {
        var random = SplitMix64(state: 11)
        let centres = [(0.0, 0.0), (30.0, 5.0), (15.0, 40.0)]
        var records: [ProducerRecord] = []
        for partition in 0..<2 {
            for row in 0..<Self.rowsPerPartition {
                let (x, y) = centres[row % 3]
                let json: JSONValue = [
                    "x": .real(x + Double.random(in: -4...4, using: &random)),
                    "y": .real(y + Double.random(in: -4...4, using: &random)),
                    "kind": .string(["a", "b", "c"][row % 3]),
                ]
                records.append(
                    ProducerRecord(topic: rows, partition: Int32(partition), value: json.serialized(.compact)[...]))
            }
        }
        for report in try await producer.produce(records) { _ = try report.get() }
    }

    /// None on a broker where no version has been written: the first one makes the topic.
    func models() async throws -> [String: RegistryState.Model] {
        do {
            return try await registry.log.read().state.models
        } catch RegistryLogError.missingTopic {
            return [:]
        }
    }

    func request(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        var members: [String: JSONValue] = [
            "model": "points",
            "architecture": [
                "input": ["shape": [2]],
                "layers": [
                    ["type": "dense", "units": 12, "activation": "relu"],
                    ["type": "dense", "units": 3, "activation": "softmax"],
                ],
            ],
            "loss": "softmax_cross_entropy", "optimizer": ["type": "adam", "learning_rate": 0.02], "epochs": 15,
            "batch_size": 16, "seed": 3, "preprocessing": ["steps": [["type": "standardize"]]],
            "dataset": [
                "topic": .string(rows),
                "schema": [
                    "features": [["name": "x", "kind": "number"], ["name": "y", "kind": "number"]],
                    "label": ["name": "kind", "kind": "class", "classes": ["a", "b", "c"]],
                ],
            ],
        ]
        for (name, value) in changes { members[name] = value == .null ? nil : value }
        return .object(members)
    }

    /// - Returns: the job's id.
    @discardableResult
    func submit(_ request: JSONValue, job: String? = nil, model: String = "points") async throws -> String {
        let record = ProducerRecord(
            topic: requests, key: ArraySlice(model.utf8), value: request.serialized(.compact)[...],
            headers: job.map { [KafkaHeader(name: "millrace-job", text: $0)] } ?? [])
        let position = try #require(try await producer.produce([record]).first).get()
        return job ?? "\(position.topicPartition)/\(position.offset)"
    }

    /// What an instance that was killed has said of a fit.
    func produce(_ change: TrainingEvent.Change, of job: String) async throws {
        let event = TrainingEvent(job: job, model: "points", time: EventTime.now(), change)
        for report in try await producer.produce([event.record(topic: events, source: "")]) { _ = try report.get() }
    }

    func cancel(_ job: String) async throws { try await submit(["cancel": .string(job)]) }

    func close() async { await producer.close(deadline: .seconds(2)) }

    // MARK: Instances

    func settings(_ instance: String) -> TrainingSettings {
        var settings = TrainingSettings(
            kafka: kafka, applicationID: application, instanceID: instance,
            checkpointFolder: folder.path + "/checkpoints")
        settings.requestTopic = requests
        settings.eventTopic = events
        settings.taskTopic = tasks
        settings.lineageTopic = lineage
        settings.niceness = 0
        settings.progressInterval = .milliseconds(50)
        settings.sessionTimeout = .seconds(6)
        settings.build = "millrace test"
        return settings
    }

    var store: DirectoryArtifactStore {
        get throws { try DirectoryArtifactStore(root: folder.path + "/store") }
    }

    /// Runs an instance while `body` does.
    func running<Value: Sendable>(
        _ instance: String = "one", metrics: TrainingMetrics = TrainingMetrics(),
        adjust: (inout TrainingSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (TrainingPipeline) async throws -> Value
    ) async throws -> Value {
        let admin = try KafkaAdmin(kafka, timeout: .seconds(10), logger: .quiet)
        var settings = settings(instance)
        adjust(&settings)
        let pipeline = try TrainingPipeline(
            settings, store: try store, registry: (registry.log, registry.writer()), admin: admin,
            metrics: metrics, logger: .quiet)
        let value = try await withThrowingTaskGroup(of: Value?.self) { tasks in
            tasks.addTask {
                try await pipeline.run()
                return nil
            }
            tasks.addTask {
                defer { pipeline.stop() }
                return try await body(pipeline)
            }
            var value: Value?
            for try await result in tasks { value = result ?? value }
            guard let value else { throw CancellationError() }
            return value
        }
        await admin.close(deadline: .seconds(2))
        return value
    }

    // MARK: What the topics say

    func read(_ topic: String) async throws -> [KafkaRecord] {
        let admin = try KafkaAdmin(kafka, timeout: .seconds(10), logger: .quiet)
        let reader = try RangeReader(
            ConsumerConfiguration(kafka: kafka, groupID: "\(application)-reader"), logger: .quiet)
        var records: [KafkaRecord] = []
        let partitions = try await admin.metadata().topics[topic]?.topicPartitions ?? []
        let ends = try await admin.offsets(of: partitions, at: .latest)
        try await reader.start(ends.compactMapValues { $0.map { 0..<$0 } })
        while let some = try await reader.next() { records += some }
        await reader.close()
        await admin.close(deadline: .seconds(2))
        return records
    }

    func events(of job: String) async throws -> [TrainingEvent] {
        try await read(events).filter { $0.keyText == job }.map { try TrainingEvent($0.value ?? []) }
    }

    /// Waits for the job's last event.
    func end(of job: String, within timeout: Duration = .seconds(90)) async throws -> [TrainingEvent] {
        let deadline = ContinuousClock.now + timeout
        while true {
            let found = try await events(of: job)
            if found.contains(where: \.isLast) { return found }
            try #require(.now < deadline, "job \(job) did not end: \(found.last.map { "\($0)" } ?? "no events")")
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}
