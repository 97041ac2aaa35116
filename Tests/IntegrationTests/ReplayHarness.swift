import Foundation
import KafkaClient
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import TestSupport

/// Replays what a ``PipelineHarness`` has answered.
struct ReplayHarness: Sendable {
    struct Outcome: Sendable {
        var isComplete: Bool
        var findings: ReplayLog.Snapshot
        var done: Int
    }

    let harness: PipelineHarness
    /// The artifact store; the harness's own by default.
    var store: String
    var model: ModelReference?
    var ignoredHeaders: Set<String> = []
    var differenceLimit = 1

    init(_ harness: PipelineHarness) {
        self.harness = harness
        store = harness.store
    }

    private var kafka: KafkaConfiguration {
        get throws { try KafkaConfiguration(bootstrapServers: harness.broker.bootstrapServers) }
    }

    var partitions: [TopicPartition] {
        (0..<harness.options.partitions).map { TopicPartition(topic: harness.requests, partition: Int32($0)) }
    }

    func verify(_ ranges: [TopicPartition: Range<Int64>]? = nil) async throws -> Outcome {
        try await replay(
            ranges, to: .comparison(ResultComparison(ignoringHeaders: ignoredHeaders)), topic: harness.results,
            resultsPartitions: harness.options.resultsPartitions)
    }

    /// How far a version agrees with what a model, by default its own, has answered.
    func agreement(of version: String, answeredBy model: String? = nil) async throws -> Outcome {
        var harness = self
        let reference = ModelReference(parsing: version)
        harness.model = reference
        return try await harness.replay(
            nil, to: .agreement(model: model ?? reference.name), topic: self.harness.results,
            resultsPartitions: self.harness.options.resultsPartitions)
    }

    /// - Parameter group: keeps the progress.
    func publish(to topic: String, partitions: Int, group: String, stoppingAfter limit: Int? = nil) async throws
        -> Outcome
    {
        var configuration = ConsumerConfiguration(kafka: try kafka, groupID: group)
        configuration.autoOffsetReset = .error
        let consumer = try KafkaConsumer(configuration, logger: .quiet)
        let producer = try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: ProducerConfiguration(kafka: try kafka), transactionalID: group), logger: .quiet)
        try await producer.initTransactions()
        let committed = try await consumer.committed(self.partitions)
        var ranges = try await ends()
        for (partition, range) in ranges {
            let start = max(range.lowerBound, (committed[partition] ?? nil) ?? 0)
            ranges[partition] = start..<max(start, range.upperBound)
        }
        let outcome = try await replay(
            ranges, to: .topic(ExactlyOnceSink(producer: producer, consumer: consumer)), topic: topic,
            resultsPartitions: partitions, group: group, stoppingAfter: limit)
        await producer.close(deadline: .seconds(5))
        await consumer.close(deadline: .seconds(2))
        return outcome
    }

    /// Everything that the request topic holds.
    func ends() async throws -> [TopicPartition: Range<Int64>] {
        let admin = try KafkaAdmin(try kafka, logger: .quiet)
        let ends = try await admin.offsets(of: partitions, at: .latest)
        await admin.close(deadline: .seconds(2))
        return ends.mapValues { 0..<($0 ?? 0) }
    }

    private func replay(
        _ ranges: [TopicPartition: Range<Int64>]?, to destination: Replay.Destination, topic: String,
        resultsPartitions: Int, group: String = "unused", stoppingAfter limit: Int? = nil
    ) async throws -> Outcome {
        let all = try await ends()
        let ranges = ranges ?? all
        let isVerifying = if case .comparison = destination { true } else { false }
        let plan = ReplayPlan(
            segments: ranges.sorted { $0.key < $1.key }.map { ReplayPlan.Segment($0.key, $0.value) },
            resultsTopic: harness.results, resultsPartitionCount: harness.options.resultsPartitions, model: model,
            isVerifying: isVerifying)
        let registry = Registry(store: try DirectoryArtifactStore(root: store), logger: .quiet)
        registry.catalog = VersionCatalog(try VersionIndex(root: store).versions())
        let pool = ComputePool(threadCount: harness.options.threads)
        defer { pool.shutdown() }
        let admin = try KafkaAdmin(try kafka, logger: .quiet)
        let reader = ConsumerConfiguration(kafka: try kafka, groupID: "\(harness.group)-replay-reader")
        let load: @Sendable (ModelReference) async throws -> Void = { reference in
            let version = try registry.catalog.version(for: reference)
            if !registry.loaded.contains(version.identity) {
                try await registry.load(version, warmUpRows: 32, on: pool)
            }
        }
        let access = ReplayAccess(
            admin: admin, makeReader: { try RangeReader(reader, logger: .quiet) }, load: load,
            loadAll: {
                for version in registry.catalog.all {
                    try await load(.init(name: version.identity.name, version: .number(version.identity.number)))
                }
            })
        let codec = RequestCodec(limits: harness.options.requestLimits)
        let encoder = AnswerEncoder(
            codec: codec,
            routing: AnswerRouting(
                resultsTopic: topic, resultsPartitionCount: resultsPartitions, deadLetterSuffix: "-dlt",
                applicationID: "test", maximumResultBytes: harness.options.maximumResultBytes))
        let replay = Replay(
            plan, to: destination,
            configuration: PipelineConfiguration(
                requestTopics: [], batching: harness.options.batching, limits: harness.options.limits,
                threadCount: harness.options.threads),
            access: access, registry: registry, pool: pool, codec: codec, encoder: encoder, group: group,
            differenceLimit: differenceLimit, logger: .quiet)
        let result: Result<Bool, any Error> = await withTaskGroup(of: Void.self) { tasks in
            if let limit {
                tasks.addTask {
                    while !Task.isCancelled, replay.done < limit { try? await Task.sleep(for: .milliseconds(1)) }
                    replay.stop()
                }
            }
            defer { tasks.cancelAll() }
            do { return .success(try await replay.run()) } catch { return .failure(error) }
        }
        await admin.close(deadline: .seconds(2))
        return Outcome(isComplete: try result.get(), findings: replay.findings, done: replay.done)
    }

    /// A store with the same versions, one weight of `model` changed by one unit in the last place.
    static func storeWithOneUlp(of model: String, from store: String, in folder: String) throws {
        let original = try DirectoryArtifactStore(root: store)
        let hacked = try DirectoryArtifactStore(root: folder)
        let index = try VersionIndex(root: folder)
        for version in try VersionIndex(root: store).versions() {
            let bundle = try original.bundle(digest: version.digest)
            var graph = bundle.graph
            if version.identity.name == model {
                let matrices = graph.initializers.filter {
                    $0.value.shape.rank == 2 && $0.value.elementType == .float32
                }
                let name = matrices.keys.sorted().first ?? ""
                if let weight = matrices[name] {
                    graph.initializers[name] = weight.withBytes { bytes in
                        Tensor(.float32, shape: weight.shape) { buffer in
                            buffer.copyMemory(from: bytes)
                            // Of a pixel that images use.
                            let place = weight.shape[1] * 20 * 4
                            let value = buffer.loadUnaligned(fromByteOffset: place, as: Float.self)
                            buffer.storeBytes(of: value.nextUp, toByteOffset: place, as: Float.self)
                        }
                    }
                }
            }
            _ = try index.append(name: version.identity.name) { number in
                try hacked.put(
                    ModelBundle(
                        manifest: Manifest(
                            name: version.identity.name, version: number, graph: graph, source: bundle.manifest.source,
                            createdAt: "2026-01-01T00:00:00Z"), graph: graph))
            }
        }
    }
}
