import Glibc
public import KafkaClient
public import Logging
public import ModelFormats

/// Bundles as records of a compacted topic, so that instances on different hosts need no disk in common.
///
/// A bundle's files are cut into chunks, one record each; they and the bundle's table of contents, written last, are one
/// transaction. The tables of contents lie in partition 0, and each says where its chunks are, so that looking for a
/// bundle does not read the others. A bundle that is asked for is put together in a local directory, verified, and mapped
/// from there; it stays there for the next start.
public struct KafkaArtifactStore: ArtifactStore {
    public struct Configuration: Sendable {
        public static let defaultTopic = "millrace.artifacts"

        public var kafka: KafkaConfiguration
        public var topic: String
        /// The local directory; any number of instances may share it.
        public var cache: String
        public static let defaultChunkBytes = 512 << 10

        /// Bytes of a chunk; less if the topic's limit of a record demands it.
        public var chunkBytes = Self.defaultChunkBytes
        /// Of a topic made here.
        public var partitions = 4
        /// Of a topic made here; nil is the broker's default.
        public var replicationFactor: Int?
        /// How long a broker may be silent.
        public var patience = Duration.seconds(30)

        public init(kafka: KafkaConfiguration, topic: String = Self.defaultTopic, cache: String) {
            self.kafka = kafka
            self.topic = topic
            self.cache = cache
        }
    }

    let configuration: Configuration
    let cache: DirectoryArtifactStore
    let logger: Logger

    public var location: String { "kafka:\(configuration.topic)" }

    /// - Throws: ``RegistryError/storeUnusable(path:reason:)`` when the local directory cannot be made.
    public init(_ configuration: Configuration, logger: Logger) throws(RegistryError) {
        self.configuration = configuration
        self.logger = logger
        cache = try DirectoryArtifactStore(root: configuration.cache)
    }

    public func put(_ bundle: ModelBundle) async throws -> String {
        // First to the cache: it is where the files' bytes are read from, one chunk at a time.
        _ = try cache.put(bundle)
        try await naming {
            try await withTopic { topic in
                if var known = try await index(topic).contents[bundle.digest]?.contents {
                    known.digest = bundle.digest
                    try await write([contentsRecord(known)], id: bundle.digest)
                } else {
                    try await upload(bundle.digest, to: topic)
                }
            }
        }
        return bundle.digest
    }

    public func prepare(digest: String) async throws {
        try ArtifactDigest.validate(digest, in: location)
        guard !cache.contains(digest) else { return }
        try await naming {
            guard let topic = try await ArtifactTopic.find(configuration, logger: logger),
                let found = try await index(topic).contents[digest]
            else { throw RegistryError.missingEntry(store: location, digest: digest) }
            try await fetch(try found.get(), from: topic)
        }
    }

    public func load(digest: String) throws -> ModelBundle {
        do {
            return try cache.load(digest: digest)
        } catch let error {
            // It is a copy: the next call to prepare brings another.
            if cache.contains(digest) {
                logger.warning(
                    "cached bundle is damaged and thrown away", metadata: ["digest": "\(digest)", "error": "\(error)"])
                try cache.remove(digest: digest)
            }
            throw error
        }
    }

    public func entries() async throws -> [ArtifactEntry] {
        try await naming {
            guard let topic = try await ArtifactTopic.find(configuration, logger: logger) else { return [] }
            return try await index(topic).contents.map { ArtifactEntry(digest: $0, storedAt: $1.storedAt) }
        }
    }

    /// Removes it from the topic and from this host's cache; the caches of other hosts are theirs to clean, see
    /// ``removeLeftovers(olderThan:)``.
    public func remove(digest: String) async throws {
        try ArtifactDigest.validate(digest, in: location)
        try await naming {
            guard let topic = try await ArtifactTopic.find(configuration, logger: logger),
                let found = try await index(topic).contents[digest]
            else { return }
            // The contents first: whoever looks meanwhile finds nothing rather than half. Of contents that cannot be read
            // only the record itself can go.
            var records = [tombstone(.contents(digest: digest), partition: 0)]
            if let contents = found.contents {
                records += contents.chunkKeys.map { tombstone($0, partition: contents.partition) }
            }
            try await write(records, id: digest)
        }
        try cache.remove(digest: digest)
    }

    /// On the topic a killed writer leaves an aborted transaction, which the brokers clean up. Its cached bundle stays, as do
    /// those that were removed by another host; they go here.
    public func removeLeftovers(olderThan age: Duration) async throws -> Int {
        var count = try cache.removeLeftovers(olderThan: age)
        let stored = Set(try await entries().map(\.digest))
        let oldest = ArtifactClock.milliseconds() - age.components.seconds * 1000
        for entry in try cache.entries() where !stored.contains(entry.digest) && entry.storedAt <= oldest {
            try cache.remove(digest: entry.digest)
            count += 1
        }
        return count
    }

    /// Gives failures of the brokers the store's name.
    private func naming<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as KafkaError where error.isAuthorizationFailure {
            throw RegistryError.storeReadOnly(path: location, reason: "\(error)")
        } catch let error as KafkaError where error.isMessageTooLarge {
            throw RegistryError.storeUnusable(
                path: location,
                reason: "\(error); the topic's max.message.bytes is below a chunk of \(configuration.chunkBytes) bytes")
        } catch let error as KafkaError {
            throw RegistryError.storeUnusable(path: location, reason: "\(error)")
        } catch let error as RangeError {
            throw RegistryError.storeUnusable(path: location, reason: "\(error)")
        }
    }
}
