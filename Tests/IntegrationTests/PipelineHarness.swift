import Foundation
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import TestSupport

/// A broker for tests: the one that `MILLRACE_TEST_BOOTSTRAP` names, or one in this process.
struct TestBroker {
    let bootstrapServers: String
    let embedded: EmbeddedCluster?

    static func start() throws -> TestBroker {
        if let external = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"], !external.isEmpty {
            return TestBroker(bootstrapServers: external, embedded: nil)
        }
        let cluster = try EmbeddedCluster()
        return TestBroker(bootstrapServers: cluster.bootstrapServers, embedded: cluster)
    }

    func createTopic(_ name: String, partitions: Int) async throws {
        if let embedded {
            try embedded.createTopic(name, partitions: partitions)
            return
        }
        let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: bootstrapServers), logger: .quiet)
        _ = try await admin.createTopics([NewTopic(name: name, partitions: partitions, replicationFactor: 1)])
        await admin.close(deadline: .seconds(2))
    }
}

extension Logger {
    /// Warnings and worse, so that a failing test says why and a passing one says nothing.
    static let quiet: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        return logger
    }()
}

/// One pipeline over real sockets, and a client's view of its topics.
final class PipelineHarness: Sendable {
    struct Options {
        var partitions = 3
        var resultsPartitions = 3
        var batching = BatchPlanner.Limits(maximumRows: 32, maximumDelay: .milliseconds(2))
        var limits = PipelineState.Limits()
        var requestLimits = RequestLimits()
        var maximumResultBytes = 900_000
        /// What the topics are said to take.
        var resultRecordBytes: Int?
        var deadLetterRecordBytes: Int?
        var threads = 2
        var bindsTopic = false
        /// The in-process cluster keeps no transactional offsets: there it shows the flow only.
        var isExactlyOnce = false
        var instance = "one"
        /// Put around the exactly-once sink.
        var wrapSink: (@Sendable (any AnswerSink) -> any AnswerSink)?
        var journal: String?
        var sessionTimeout = Duration.seconds(15)
        var willCompute: (@Sendable (RecordPosition) -> Void)?
        /// Results that the producer holds at the most.
        var maximumQueuedRecords = 100_000
    }

    static let models = ["mlp": "digits-mlp", "cnn": "digits"]

    let broker: TestBroker
    let options: Options
    let requests: String
    let results: String
    let group: String
    /// The artifact store; removed with the harness that made it.
    let store: String
    private let folder: TemporaryFolder?
    private let producer: KafkaProducer

    init(_ broker: TestBroker, _ options: Options = Options()) async throws {
        self.broker = broker
        self.options = options
        let unique = UUID().uuidString.prefix(8)
        requests = "requests-\(unique)"
        results = "results-\(unique)"
        group = "millrace-\(unique)"
        let folder = try TemporaryFolder()
        self.folder = folder
        store = folder.path
        try await broker.createTopic(requests, partitions: options.partitions)
        try await broker.createTopic(requests + "-dlt", partitions: 1)
        try await broker.createTopic(results, partitions: options.resultsPartitions)
        producer = try Self.makeProducer(broker)
        let artifacts = try DirectoryArtifactStore(root: store)
        let index = try VersionIndex(root: store)
        for (file, name) in Self.models {
            let imported = try ModelFile.open("\(Fixtures.digits)/\(file).h5")
            _ = try index.append(name: name) { number in
                let manifest = Manifest(
                    name: name, version: number, graph: imported.graph, source: imported.source,
                    createdAt: "2026-01-01T00:00:00Z")
                return try artifacts.put(ModelBundle(manifest: manifest, graph: imported.graph))
            }
        }
    }

    /// The topics, group and store of a harness in another process.
    init(attachedTo other: Identity, _ options: Options) throws {
        broker = TestBroker(bootstrapServers: other.bootstrapServers, embedded: nil)
        self.options = options
        (requests, results, group, store) = (other.requests, other.results, other.group, other.store)
        folder = nil
        producer = try Self.makeProducer(broker)
    }

    /// What a harness in another process needs to take part.
    struct Identity: Codable, Sendable {
        let bootstrapServers, requests, results, group, store: String
    }

    var identity: Identity {
        Identity(
            bootstrapServers: broker.bootstrapServers, requests: requests, results: results, group: group, store: store)
    }

    private static func makeProducer(_ broker: TestBroker) throws -> KafkaProducer {
        var configuration = ProducerConfiguration(
            kafka: try KafkaConfiguration(bootstrapServers: broker.bootstrapServers))
        configuration.maximumRecordBytes = 64 << 20
        return try KafkaProducer(configuration, logger: .quiet)
    }

    func close() async {
        await producer.close(deadline: .seconds(2))
    }

    /// Runs a pipeline while `body` does, then stops it gracefully.
    func running<Value: Sendable>(
        _ body: @escaping @Sendable (InferencePipeline) async throws -> Value
    ) async throws -> Value {
        let pool = ComputePool(threadCount: options.threads)
        defer { pool.shutdown() }
        let registry = Registry(store: try DirectoryArtifactStore(root: store), logger: .quiet)
        for version in try VersionIndex(root: store).versions() {
            try await registry.load(version, warmUpRows: options.batching.maximumRows, on: pool)
        }
        let kafka = try KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
        let signal = WakeSignal()
        var input = ConsumerConfiguration(kafka: kafka, groupID: group)
        input.sessionTimeout = options.sessionTimeout
        let consumer = try KafkaConsumer(input, logger: .quiet, wake: { signal.signal() })
        var output = ProducerConfiguration(kafka: kafka)
        output.maximumRecordBytes = 64 << 20
        output.maximumQueuedRecords = options.maximumQueuedRecords
        let sink: any AnswerSink
        let closeOutput: @Sendable () async -> Void
        if options.isExactlyOnce {
            let producer = try TransactionalProducer(
                TransactionalProducerConfiguration(producer: output, transactionalID: "\(group)-\(options.instance)"),
                logger: .quiet)
            try await producer.initTransactions()
            let exactlyOnce = ExactlyOnceSink(producer: producer, consumer: consumer)
            sink = options.wrapSink?(exactlyOnce) ?? exactlyOnce
            closeOutput = { await producer.close(deadline: .seconds(5)) }
        } else {
            let producer = try KafkaProducer(output, logger: .quiet)
            sink = AtLeastOnceSink(producer: producer, consumer: consumer, logger: .quiet)
            closeOutput = { await producer.close(deadline: .seconds(5)) }
        }
        let codec = RequestCodec(limits: options.requestLimits)
        var routing = AnswerRouting(
            resultsTopic: results, resultsPartitionCount: options.resultsPartitions, deadLetterSuffix: "-dlt",
            applicationID: "test", maximumResultBytes: options.maximumResultBytes)
        routing.maximumRecordBytes[results] = options.resultRecordBytes
        routing.maximumRecordBytes[requests + "-dlt"] = options.deadLetterRecordBytes
        var configuration = PipelineConfiguration(
            requestTopics: [requests],
            bindings: options.bindsTopic ? [requests: ModelReference(name: "digits-mlp")] : [:],
            batching: options.batching, limits: options.limits, threadCount: options.threads)
        configuration.willCompute = options.willCompute
        let journal = try options.journal.map {
            try CrashJournal(path: $0, topics: [requests], slotCount: options.threads, slotCapacity: 128)
        }
        defer { journal?.close() }
        let pipeline = InferencePipeline(
            configuration, consumer: consumer, signal: signal, sink: sink, registry: registry, pool: pool, codec: codec,
            encoder: AnswerEncoder(codec: codec, routing: routing), journal: journal, logger: .quiet)
        // Whichever fails first cancels the other.
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
        await closeOutput()
        return value
    }

    // MARK: The client's side

    /// Produces records and returns where they lie, in order.
    @discardableResult
    func send(_ records: [ProducerRecord]) async throws -> [String] {
        try await producer.produce(records).map { report in
            let position = try report.get()
            return "\(position.topicPartition)/\(position.offset)"
        }
    }

    func request(
        _ body: some StringProtocol, model: String? = "digits-mlp", key: String? = nil, partition: Int32? = nil,
        headers: [KafkaHeader] = []
    ) -> ProducerRecord {
        request(bytes: Array(body.utf8), model: model, key: key, partition: partition, headers: headers)
    }

    func request(
        bytes: [UInt8]?, model: String? = "digits-mlp", key: String? = nil, partition: Int32? = nil,
        headers: [KafkaHeader] = []
    ) -> ProducerRecord {
        ProducerRecord(
            topic: requests, partition: partition, key: key.map { Array($0.utf8)[...] }, value: bytes.map { $0[...] },
            headers: (model.map { [KafkaHeader("millrace-model", $0)] } ?? []) + headers)
    }

    /// Everything on a topic from its beginning, once at least `count` records are there and no more come for a while.
    func read(
        _ topic: String, partitions: Int? = nil, atLeast count: Int, within timeout: Duration = .seconds(90)
    ) async throws -> [KafkaRecord] {
        let signal = WakeSignal()
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(
                kafka: try KafkaConfiguration(bootstrapServers: broker.bootstrapServers), groupID: "\(group)-reader"),
            logger: .quiet, wake: { signal.signal() })
        let known = topic == results ? options.resultsPartitions : topic == requests ? options.partitions : 1
        try consumer.assign(
            Dictionary(
                uniqueKeysWithValues: (0..<(partitions ?? known)).map {
                    (TopicPartition(topic: topic, partition: Int32($0)), Int64(0))
                }))
        var found: [KafkaRecord] = []
        let deadline = ContinuousClock.now + timeout
        var quietUntil: ContinuousClock.Instant?
        while .now < deadline {
            for case .records(let records) in consumer.drain(maximumRecords: 5000, maximumBytes: 64 << 20) {
                found += records
                quietUntil = nil
            }
            if found.count >= count {
                let until = quietUntil ?? .now + .milliseconds(300)
                quietUntil = until
                if until <= .now { break }
            }
            await signal.wait(until: min(deadline, .now + .milliseconds(50)))
        }
        await consumer.close(deadline: .seconds(2))
        return found
    }
}

extension KafkaRecord {
    func header(_ name: String) -> String? {
        firstValue(named: name).map { String(decoding: $0, as: UTF8.self) }
    }

    var text: String { String(decoding: value ?? [], as: UTF8.self) }
    var keyText: String? { key.map { String(decoding: $0, as: UTF8.self) } }
}
