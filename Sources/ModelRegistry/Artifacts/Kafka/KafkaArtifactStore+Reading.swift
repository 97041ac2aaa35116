import Crypto
import Glibc
import KafkaClient
import Logging
import ModelFormats

/// The tables of contents of an artifact topic.
struct ArtifactIndex: Sendable {
    struct Found: Sendable {
        var result: Result<ArtifactContents, RegistryError>
        var storedAt: Int64

        /// Nil when they cannot be read.
        var contents: ArtifactContents? { try? result.get() }

        func get() throws(RegistryError) -> ArtifactContents { try result.get() }
    }

    /// By digest.
    var contents: [String: Found] = [:]
}

extension KafkaArtifactStore {
    /// Reads every table of contents.
    func index(_ topic: ArtifactTopic) async throws -> ArtifactIndex {
        var index = ArtifactIndex()
        try await read(topic.index, from: 0) { record in
            guard case .contents(let digest)? = ArtifactKey(parsing: record.key) else { return true }
            index.contents[digest] = record.value.map { value in
                ArtifactIndex.Found(
                    result: Result { () throws(RegistryError) in
                        try ArtifactContents(value, digest: digest, topic: topic.name)
                    }, storedAt: record.timestamp ?? 0)
            }
            return true
        }
        return index
    }

    /// Puts a bundle's files together in the cache.
    func fetch(_ contents: ArtifactContents, from topic: ArtifactTopic) async throws {
        let folder = try ArtifactFolder(in: cache, for: contents)
        do {
            let source = TopicPartition(topic: topic.name, partition: contents.partition)
            try await read(source, from: contents.firstOffset) { record in
                guard case .chunk(contents.digest, let file, let index)? = ArtifactKey(parsing: record.key),
                    let value = record.value
                else { return true }
                try folder.write(value, file: file, index: index, record: record)
                return !folder.isComplete
            }
            try folder.finish(topic: topic.name)
        } catch {
            folder.discard()
            throw error
        }
        logger.debug("bundle fetched", metadata: ["digest": "\(contents.digest)", "from": "\(location)"])
    }

    /// Reads what is committed of a partition until its end, or until `body` says that it has enough.
    func read(
        _ partition: TopicPartition, from offset: Int64, _ body: (KafkaRecord) throws -> Bool
    ) async throws {
        let bounds = try await ArtifactTopic.withAdmin(configuration, logger) { admin in
            let low = try await admin.offsets(of: [partition], at: .earliest)[partition] ?? 0
            let high = try await admin.offsets(of: [partition], at: .latest)[partition] ?? 0
            return (low: low ?? 0, high: high ?? 0)
        }
        let start = max(offset, bounds.low)
        guard start < bounds.high else { return }
        var consumer = ConsumerConfiguration(kafka: configuration.kafka, groupID: "\(configuration.topic)-reader")
        consumer.maximumQueuedBytes = 8 << 20
        let reader = try RangeReader(consumer, logger: logger)
        do {
            try await self.start(reader, at: [partition: start..<bounds.high])
            reading: while let records = try await reader.next(patience: configuration.patience, maximumBytes: 4 << 20)
            {
                for record in records where try !body(record) { break reading }
            }
            await reader.close()
        } catch {
            await reader.close()
            throw error
        }
    }
}

extension KafkaArtifactStore {
    /// A topic that was just made may have no leader yet on the broker that is asked.
    fileprivate func start(_ reader: RangeReader, at ranges: [TopicPartition: Range<Int64>]) async throws {
        let deadline = ContinuousClock.now + configuration.patience
        while true {
            do {
                return try await reader.start(ranges, timeout: configuration.patience)
            } catch let error as KafkaError where error.isRetriable && .now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// A bundle's folder while its chunks arrive, in any order and perhaps twice.
final class ArtifactFolder {
    static let digestHeader = "millrace-sha256"

    private let cache: DirectoryArtifactStore
    private let contents: ArtifactContents
    private let path: String
    private var descriptors: [String: Int32] = [:]
    private var missing: Set<ArtifactKey>

    init(in cache: DirectoryArtifactStore, for contents: ArtifactContents) throws {
        self.cache = cache
        self.contents = contents
        missing = Set(contents.chunkKeys)
        var template = Array("\(cache.root)/bundles/\(DirectoryArtifactStore.fetchPrefix)XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        guard made else {
            throw DirectoryArtifactStore.storeError(
                ModelFormatError(writing: cache.root, code: errno), root: cache.root)
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for file in contents.files {
            let descriptor = open("\(path)/\(file.name)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw failure("\(path)/\(file.name)", errno) }
            descriptors[file.name] = descriptor
        }
        guard chmod(path, 0o755) == 0 else { throw failure(path, errno) }
    }

    deinit { for descriptor in descriptors.values { close(descriptor) } }

    var isComplete: Bool { missing.isEmpty }

    /// - Throws: ``RegistryError/damagedEntry(path:reason:)`` naming the chunk whose bytes are not those that were written.
    func write(_ value: ArraySlice<UInt8>, file name: String, index: Int, record: KafkaRecord) throws {
        let key = ArtifactKey.chunk(digest: contents.digest, file: name, index: index)
        guard missing.contains(key), let file = contents.files.first(where: { $0.name == name }),
            let descriptor = descriptors[name]
        else { return }
        let place = "\(record.topicPartition.topic)/\(key) (\(record.topicPartition.partition)/\(record.offset))"
        let range = contents.chunkRange(index, of: file)
        guard value.count == range.count else {
            throw RegistryError.damagedEntry(path: place, reason: "found \(value.count) bytes, expected \(range.count)")
        }
        let found = Array(SHA256.hash(data: value))
        guard let expected = record.firstHeaderValue(ignoringCase: Self.digestHeader), found.elementsEqual(expected)
        else {
            throw RegistryError.damagedEntry(path: place, reason: "its SHA-256 is not the one that it was written with")
        }
        try value.withUnsafeBytes { buffer in
            var rest = buffer
            var offset = range.lowerBound
            while !rest.isEmpty {
                let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure("\(path)/\(name)", errno) }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                offset += count
            }
        }
        missing.remove(key)
    }

    /// Makes the folder the cache's bundle.
    /// - Throws: ``RegistryError/damagedEntry(path:reason:)`` naming a chunk that did not arrive.
    func finish(topic: String) throws {
        if let absent = missing.map(\.description).min() {
            throw RegistryError.damagedEntry(
                path: "\(topic)/\(absent)",
                reason: "the chunk is not on the topic; \(missing.count) of \(contents.chunkCount) are missing")
        }
        for (name, descriptor) in descriptors where fsync(descriptor) != 0 { throw failure("\(path)/\(name)", errno) }
        // Fails when another fetch of the same bundle was faster, which is as good.
        if rename(path, try cache.path(of: contents.digest)) != 0 {
            let code = errno
            guard cache.contains(contents.digest) else { throw failure(path, code) }
            discard()
        }
    }

    func discard() {
        for file in contents.files { unlink("\(path)/\(file.name)") }
        rmdir(path)
    }

    private func failure(_ file: String, _ code: Int32) -> any Error {
        DirectoryArtifactStore.storeError(ModelFormatError(writing: file, code: code), root: cache.root)
    }
}
