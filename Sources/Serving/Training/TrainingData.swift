import FoundationEssentials
import Glibc
import JSONDocuments
import KafkaClient
import Logging
import Synchronization
import TensorEngine
import Training

/// Rows of a job, with what was left out of them.
final class TrainingRows: Sendable {
    let dataset: any Dataset
    let poison: PoisonRecords
    private let spillPath: String

    init(_ dataset: any Dataset, _ poison: PoisonRecords, spillPath: String) {
        self.dataset = dataset
        self.poison = poison
        self.spillPath = spillPath
    }

    deinit { unlink(spillPath) }
}

/// Reads the rows of jobs: one dataset at a time, which the fits of one instance share as long as any of them needs it.
final class TrainingData: Sendable {
    private struct Key: Hashable {
        let dataset: JSONValue
        let ranges: ResolvedRanges?
    }

    private struct Entry {
        weak var rows: TrainingRows?
    }

    private static let chunk = 2000
    private static let patience = Duration.seconds(60)

    private let settings: TrainingSettings
    private let admin: KafkaAdmin
    private let pool: ComputePool
    private let logger: Logger
    private let gate = AsyncGate(1)
    private let loaded = Mutex<[Key: Entry]>([:])
    private let spillFolder: String

    init(_ settings: TrainingSettings, admin: KafkaAdmin, pool: ComputePool, logger: Logger) throws {
        self.settings = settings
        self.admin = admin
        self.pool = pool
        self.logger = logger
        spillFolder = "\(settings.checkpointFolder)/rows-\(settings.applicationID)-\(settings.instanceID)"
        // What a killed process left.
        try? FileManager.default.removeItem(atPath: spillFolder)
        try FileManager.default.createDirectory(atPath: spillFolder, withIntermediateDirectories: true)
    }

    // MARK: Which rows

    /// The offsets that a request means now; nil of a source that is no topic.
    /// - Throws: ``TrainingFailure``, ``KafkaError``.
    func resolve(_ spec: DatasetSpec) async throws -> ResolvedRanges? {
        guard case .topic(let range) = spec.source else {
            _ = try path(of: spec.source)
            return nil
        }
        guard let topic = try await admin.metadata().topics[range.topic], topic.error == nil else {
            throw TrainingFailure(.dataUnavailable, "topic \"\(range.topic)\" does not exist")
        }
        let partitions = topic.topicPartitions
        let earliest = try await admin.offsets(of: partitions, at: .earliest)
        let latest = try await admin.offsets(of: partitions, at: .latest)
        let starts = try await times(range.start, partitions)
        let ends = try await times(range.end, partitions)
        var found: [Int32: RangeResolution.Partition] = [:]
        for partition in partitions {
            let low = (earliest[partition] ?? nil) ?? 0
            found[partition.partition] = RangeResolution.Partition(
                kept: low..<max(low, (latest[partition] ?? nil) ?? low), start: starts[partition] ?? nil,
                end: ends[partition] ?? nil)
        }
        return try RangeResolution(range, found).resolve(maximumRows: settings.limits.data.maximumRows)
    }

    private func times(
        _ bound: TopicRange.Bound, _ partitions: [TopicPartition]
    ) async throws -> [TopicPartition: Int64?] {
        guard case .time(let text) = bound else { return [:] }
        guard let time = Timestamp.milliseconds(rfc3339: Array(text.utf8)) else {
            throw TrainingFailure(
                .invalidRequest, "dataset: found the time \"\(text)\", expected RFC 3339, as 2026-01-31T12:00:00Z")
        }
        return try await admin.offsets(of: partitions, at: .timestamp(time))
    }

    // MARK: Reading

    /// - Throws: ``TrainingFailure``, ``DataError``, ``KafkaError``, ``RangeError``, ``JobStop``.
    func rows(_ request: TrainingRequest, _ ranges: ResolvedRanges?, control: JobControl) async throws -> TrainingRows {
        guard case .object(let members) = request.json, let dataset = members["dataset"] else {
            throw TrainingFailure(.invalidRequest, "missing member \"dataset\"")
        }
        let key = Key(dataset: dataset, ranges: ranges)
        return try await gate.pass {
            try control.check()
            if let rows = loaded.withLock({ $0[key]?.rows }) { return rows }
            let rows = try await load(request.dataset, ranges, control)
            loaded.withLock { loaded in
                loaded = loaded.filter { $0.value.rows != nil }
                loaded[key] = Entry(rows: rows)
            }
            return rows
        }
    }

    private func load(
        _ spec: DatasetSpec, _ ranges: ResolvedRanges?, _ control: JobControl
    ) async throws -> TrainingRows {
        let spillPath = "\(spillFolder)/\(UUID().uuidString)"
        do {
            if case .topic(let range) = spec.source {
                guard let ranges else { throw TrainingFailure(.internal, "a topic's rows without offsets") }
                return try await read(range.topic, ranges, spec, spillPath, control)
            }
            let path = try path(of: spec.source)
            let limits = settings.limits.data
            return try await pool.run { _ in
                let (dataset, poison) = try Self.load(spec, at: path, spillPath: spillPath, limits: limits)
                return TrainingRows(dataset, poison, spillPath: spillPath)
            }
        } catch {
            unlink(spillPath)
            throw error
        }
    }

    private static func load(
        _ spec: DatasetSpec, at path: String?, spillPath: String, limits: DataLimits
    ) throws -> (any Dataset, PoisonRecords) {
        guard let path else { return try spec.load(spillPath: spillPath, limits: limits) }
        switch spec.source {
        case .csv(_, let options):
            return try DatasetLoading.csv(
                path, schema: spec.schema, options: options, policy: spec.poison, spillPath: spillPath, limits: limits)
        case .jsonLines:
            return try DatasetLoading.jsonLines(
                path, schema: spec.schema, policy: spec.poison, spillPath: spillPath, limits: limits)
        case .npz:
            return try DatasetLoading.npz(
                path, schema: spec.schema, policy: spec.poison, spillPath: spillPath, limits: limits)
        case .rows, .topic: return try spec.load(spillPath: spillPath, limits: limits)
        }
    }

    /// One partition after the other: the order of the rows, and with it all that follows, is the log's and not the
    /// network's.
    private func read(
        _ topic: String, _ ranges: ResolvedRanges, _ spec: DatasetSpec, _ spillPath: String, _ control: JobControl
    ) async throws -> TrainingRows {
        let rows = CollectedRows(spec, spillPath: spillPath, limits: settings.limits.data)
        let reader = try RangeReader(
            ConsumerConfiguration(kafka: settings.kafka, groupID: "\(settings.requestGroup)-data"), logger: logger)
        do {
            for (number, range) in ranges.partitions.sorted(by: { $0.key < $1.key }) {
                try await reader.start([TopicPartition(topic: topic, partition: number): range])
                while let records = try await reader.next(patience: Self.patience, maximumRecords: Self.chunk) {
                    try control.check()
                    // Decoding a chunk takes long enough for its own thread.
                    try await pool.run { _ in try rows.append(records) }
                }
            }
            await reader.close()
        } catch {
            await reader.close()
            throw error
        }
        return try await pool.run { _ in try rows.finish(spillPath: spillPath) }
    }

    // MARK: Files

    /// Where a file of a request lies; nil of a source that is none.
    /// - Throws: ``TrainingFailure`` for a path that leads outside of the data folder.
    private func path(of source: DatasetSpec.Source) throws(TrainingFailure) -> String? {
        let name: String
        switch source {
        case .csv(let path, _), .jsonLines(let path), .npz(let path): name = path
        case .topic, .rows: return nil
        }
        return try DataFolder(settings.dataFolder).path(of: name)
    }
}

/// The folder below which requests may name files.
package struct DataFolder: Sendable {
    private let root: String?

    package init(_ root: String?) { self.root = root }

    /// - Throws: ``TrainingFailure`` for a path that leads outside, also by a symbolic link, or to nothing.
    package func path(of name: String) throws(TrainingFailure) -> String {
        guard let root else {
            throw TrainingFailure(
                .dataUnavailable, "dataset: found the file \"\(name)\", but training.data-folder is not set")
        }
        guard !name.isEmpty, !name.hasPrefix("/"), !name.utf8.contains(0) else {
            throw TrainingFailure(
                .invalidRequest, "dataset: found \"\(name)\", expected a path below training.data-folder")
        }
        guard let folder = Self.real(root), let path = Self.real("\(root)/\(name)") else {
            throw TrainingFailure(.dataUnavailable, "dataset: there is no file \"\(name)\" in training.data-folder")
        }
        guard path.hasPrefix(folder == "/" ? folder : folder + "/") else {
            throw TrainingFailure(
                .invalidRequest, "dataset: \"\(name)\" leads outside of training.data-folder")
        }
        return path
    }

    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// Rows on their way from a topic into a dataset.
private final class CollectedRows: Sendable {
    private struct State {
        let collector: DatasetCollector
        var poison: PoisonRecords
    }

    private let decoder: RecordDecoder
    private let state: Mutex<State>

    init(_ spec: DatasetSpec, spillPath: String, limits: DataLimits) {
        decoder = RecordDecoder(spec.schema, limits: limits)
        state = Mutex(
            State(
                collector: DatasetCollector(spec.schema, spillPath: spillPath, limits: limits),
                poison: PoisonRecords(spec.poison)))
    }

    func append(_ records: [KafkaRecord]) throws(DataError) {
        try state.withLock { state throws(DataError) in
            for record in records {
                let provenance = Provenance.record(partition: record.topicPartition.partition, offset: record.offset)
                do throws(DataError) {
                    guard let value = record.value else {
                        throw DataError(.missing, at: provenance.description, "found no value, expected a JSON object")
                    }
                    try state.collector.append(try decoder.decode(value, provenance: provenance))
                } catch {
                    try state.poison.record(error)
                }
            }
        }
    }

    func finish(spillPath: String) throws(DataError) -> TrainingRows {
        try state.withLock { state throws(DataError) in
            guard state.collector.rowCount > 0 else {
                throw DataError(.tooFewRows, "found no rows, \(state.poison.count) bad ones were skipped")
            }
            return TrainingRows(try state.collector.finish(), state.poison, spillPath: spillPath)
        }
    }
}
