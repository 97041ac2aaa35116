public import Logging
import Synchronization

/// Looks at and changes a cluster: topics, offsets, groups.
public final class KafkaAdmin: Sendable {
    /// What became of one topic that was to be created.
    public enum TopicCreation: Sendable, Hashable {
        case created, alreadyExisted
    }

    private let handle: AdminHandle
    private let thread: BlockingThread
    private let closed = Latch()
    private let isClosing = Mutex(false)
    private let timeout: Duration

    /// - Parameters:
    ///   - timeout: how long each request may take.
    ///   - isolation: where a log ends, and which records have a time, for the offsets that are looked up.
    /// - Throws: ``KafkaConfigurationError`` naming the property that cannot be used.
    public init(
        _ configuration: KafkaConfiguration, timeout: Duration = .seconds(30),
        isolation: OffsetIsolation = .readCommitted, logger: Logger
    ) throws {
        self.timeout = timeout
        handle = try AdminHandle(NativeProperties(configuration), isolation: isolation, logger: logger)
        thread = BlockingThread(name: "kafka-admin")
    }

    deinit {
        if !isClosing.withLock({ $0 }) {
            let handle = handle
            try? thread.submit { handle.close() }
        }
        thread.stop()
    }

    // MARK: Topics

    /// Brokers and topics.
    ///
    /// - Parameter topic: only this one, which may then carry an error; `nil` is all of them.
    public func metadata(topic: String? = nil) async throws -> ClusterMetadata {
        try await blocking { try $0.metadata(topic: topic, timeout: $1) }
    }

    /// Creates topics.
    ///
    /// - Parameter toleratesExisting: report a topic that exists already instead of throwing.
    /// - Throws: ``KafkaError`` naming the first topic that could not be created; others may have been.
    @discardableResult
    public func createTopics(
        _ topics: [NewTopic], toleratesExisting: Bool = true
    ) async throws -> [String: TopicCreation] {
        guard !topics.isEmpty else { return [:] }
        return try await blocking {
            try $0.createTopics(topics, toleratesExisting: toleratesExisting, timeout: $1)
        }
    }

    /// Deletes topics with all their records.
    public func deleteTopics(_ names: [String]) async throws {
        guard !names.isEmpty else { return }
        try await blocking { try $0.deleteTopics(names, timeout: $1) }
    }

    // MARK: Offsets

    /// Offsets by place or time; `nil` where no record is at or after the time.
    public func offsets(
        of partitions: [TopicPartition], at query: OffsetQuery
    ) async throws -> [TopicPartition: Int64?] {
        guard !partitions.isEmpty else { return [:] }
        return try await blocking { try $0.offsets(partitions, query, timeout: $1) }
    }

    /// A group's committed offsets; `nil` where there is none.
    ///
    /// - Parameter partitions: `nil` is every partition that the group has committed.
    public func committedOffsets(
        ofGroup group: String, partitions: [TopicPartition]? = nil
    ) async throws -> [TopicPartition: Int64?] {
        if let partitions, partitions.isEmpty { return [:] }
        return try await blocking { try $0.committedOffsets(group: group, partitions, timeout: $1) }
    }

    /// What was left beside a group's committed offsets, locked by an open transaction or not; without those that have
    /// nothing.
    public func committedMetadata(
        ofGroup group: String, partitions: [TopicPartition]
    ) async throws -> [TopicPartition: String] {
        guard !partitions.isEmpty else { return [:] }
        return try await blocking { try $0.committedMetadata(group: group, partitions, timeout: $1) }
    }

    /// Moves a group's committed offsets. The group must have no members.
    public func setCommittedOffsets(ofGroup group: String, _ offsets: [TopicPartition: Int64]) async throws {
        guard !offsets.isEmpty else { return }
        try await blocking { try $0.setCommittedOffsets(group: group, offsets, timeout: $1) }
    }

    /// A group's state and members; a group that does not exist is `Dead`.
    public func describeGroup(_ group: String) async throws -> GroupDescription {
        try await blocking { try $0.describeGroup(group, timeout: $1) }
    }

    // MARK: Close

    /// Frees the client. Idempotent; returns at the deadline at the latest.
    public func close(deadline: Duration = .seconds(10)) async {
        let isFirst = isClosing.withLock { isClosing in
            defer { isClosing = true }
            return !isClosing
        }
        if isFirst {
            let (handle, closed) = (handle, closed)
            try? thread.submit {
                handle.close()
                closed.open()
            }
            thread.stop()
        }
        await closed.wait(deadline)
    }

    func blocking<Result: Sendable>(
        _ body: @escaping @Sendable (AdminHandle, Duration) throws -> Result
    ) async throws -> Result {
        let (handle, timeout) = (handle, timeout)
        do {
            return try await thread.run { try body(handle, timeout) }
        } catch is BlockingThread.Refusal {
            throw KafkaError.closed("admin client")
        }
    }
}
