import Crypto
import Glibc
import JSONDocuments
import KafkaClient
import Logging
import ModelFormats

extension KafkaArtifactStore {
    /// What one call hands to the producer; with its queue this bounds the memory of an upload.
    private static let windowBytes = 4 << 20
    private static let queueBytes = 16 << 20
    /// The longest that brokers permit by default.
    private static let longestTransaction = Duration.seconds(900)

    func withTopic(_ body: (ArtifactTopic) async throws -> Void) async throws {
        try await body(try await ArtifactTopic.prepare(configuration, logger: logger))
    }

    /// Writes the cached files of a bundle, then its table of contents.
    func upload(_ digest: String, to topic: ArtifactTopic) async throws {
        let folder = try cache.path(of: digest)
        let files = try ModelBundle.fileNames.map { try ChunkedFile("\(folder)/\($0)", name: $0) }
        let partition = TopicPartition(topic: topic.name, partition: topic.partition(of: digest))
        let end = try await ArtifactTopic.withAdmin(configuration, logger) {
            try await $0.offsets(of: [partition], at: .latest)[partition] ?? 0
        }
        let contents = ArtifactContents(
            digest: digest, chunkBytes: topic.chunkBytes,
            files: files.map { .init(name: $0.name, byteCount: $0.byteCount) }, partition: partition.partition,
            firstOffset: end ?? 0)
        let total = files.reduce(0) { $0 + $1.byteCount }
        try await transaction(id: digest, bytes: total) { producer in
            var window: [ProducerRecord] = []
            var windowBytes = 0
            for (file, described) in zip(files, contents.files) {
                for index in 0..<contents.chunkCount(of: described) {
                    let chunk = try file.read(contents.chunkRange(index, of: described))
                    let key = ArtifactKey.chunk(digest: digest, file: file.name, index: index)
                    window.append(
                        ProducerRecord(
                            topic: topic.name, partition: partition.partition, key: key.bytes, value: chunk[...],
                            headers: [
                                KafkaHeader(
                                    name: ArtifactFolder.digestHeader, value: Array(SHA256.hash(data: chunk))[...])
                            ]))
                    windowBytes += chunk.count
                    guard windowBytes >= Self.windowBytes else { continue }
                    try await producer.produce(window)
                    (window, windowBytes) = ([], 0)
                }
            }
            try await producer.produce(window + [contentsRecord(contents)])
        }
        logger.debug(
            "bundle stored",
            metadata: ["digest": "\(digest)", "in": "\(location)", "chunks": "\(contents.chunkCount)"])
    }

    func contentsRecord(_ contents: ArtifactContents) -> ProducerRecord {
        ProducerRecord(
            topic: configuration.topic, partition: 0, key: ArtifactKey.contents(digest: contents.digest).bytes,
            value: contents.json.serialized(.compact)[...], timestamp: ArtifactClock.milliseconds())
    }

    func tombstone(_ key: ArtifactKey, partition: Int32) -> ProducerRecord {
        ProducerRecord(topic: configuration.topic, partition: partition, key: key.bytes, value: nil)
    }

    func write(_ records: [ProducerRecord], id: String) async throws {
        try await transaction(id: id, bytes: 0) { try await $0.produce(records) }
    }

    /// - Parameter id: the bundle's digest, a part of the transactional id: writers of the same bundle take turns, others do
    ///   not disturb each other.
    private func transaction(
        id: String, bytes: Int, _ body: (TransactionalProducer) async throws -> Void
    ) async throws {
        var output = ProducerConfiguration(kafka: configuration.kafka)
        output.maximumRecordBytes = configuration.chunkBytes + (64 << 10)
        output.maximumQueuedBytes = Self.queueBytes
        output.deliveryTimeout = configuration.patience
        var settings = TransactionalProducerConfiguration(
            producer: output, transactionalID: "\(configuration.topic)-\(id)")
        // What a killed writer leaves open keeps readers waiting for so long: no longer than a slow network needs.
        settings.transactionTimeout = min(.seconds(30 + bytes >> 20), Self.longestTransaction)
        let producer = try TransactionalProducer(settings, logger: logger)
        do {
            try await producer.initTransactions()
            try producer.begin()
            do {
                try await body(producer)
                try await producer.commit()
            } catch {
                try? await producer.abort()
                throw error
            }
            await producer.close(deadline: .seconds(2))
        } catch {
            await producer.close(deadline: .seconds(2))
            throw error
        }
    }
}

/// A file that is read piece by piece.
private final class ChunkedFile {
    let name: String
    let byteCount: Int
    private let path: String
    private let descriptor: Int32

    init(_ path: String, name: String) throws {
        self.path = path
        self.name = name
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw RegistryError.damagedEntry(path: path, reason: "cannot be read: \(reason)")
        }
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    func read(_ range: Range<Int>) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while count < range.count {
                let read = pread(
                    descriptor, buffer.baseAddress.map { $0 + count }, range.count - count,
                    off_t(range.lowerBound + count))
                if read < 0, errno == EINTR { continue }
                guard read > 0 else {
                    throw RegistryError.damagedEntry(
                        path: path, reason: "found the end at \(range.lowerBound + count), expected \(byteCount) bytes")
                }
                count += read
            }
        }
    }
}
