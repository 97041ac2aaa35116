public import Logging
import Synchronization

/// Writes records and consumer offsets atomically.
///
/// ```swift
/// try await producer.initTransactions()
/// switch await producer.transaction(records: results, offsets: answered, group: consumer.groupMetadata()) {
/// case .committed: …
/// case .aborted: try await consumer.seek(firstOffsets)
/// case .fatal(let error): throw error
/// }
/// ```
///
/// One task should own it: a producer has one transaction at a time.
public final class TransactionalProducer: Sendable {
    public let configuration: TransactionalProducerConfiguration
    private let core: ProducerCore
    private let logger: Logger
    private let open = Mutex(OpenTransaction())

    private struct OpenTransaction: Sendable {
        var recordCount = 0
        var batches: [DeliveryBatch] = []
    }

    /// - Throws: ``KafkaConfigurationError`` naming the property that cannot be used.
    public init(_ configuration: TransactionalProducerConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        core = try ProducerCore(
            configuration.nativeProperties(), configuration.producer, isTransactional: true, logger: logger)
    }

    // MARK: One transaction

    /// Produces the records, adds the offsets and commits; aborts when that cannot succeed.
    ///
    /// - Parameters:
    ///   - offsets: the next offset to read of each partition, i.e. the last answered + 1. May be empty.
    ///   - group: the membership that the offsets were consumed under.
    public func transaction(
        records: [ProducerRecord], offsets: [TopicPartition: Int64], group: ConsumerGroupMetadata
    ) async -> TransactionOutcome {
        do {
            try begin()
        } catch {
            return .fatal(Self.kafkaError(error, "begin transaction"))
        }
        // Side by side: the offsets take two round trips, on a connection that large sets of records keep busy for longer.
        async let offsetsSent = Self.result { try await self.sendOffsets(offsets, group: group) }
        let produced = await Self.result { try await self.produce(records) }
        let sent = await offsetsSent
        if case .failure(let error) = produced {
            // The record was refused here, before the transaction could break: aborting is always right.
            return error.isFatal || error.isClosed ? .fatal(error) : await abort(because: error)
        }
        if case .failure(let error) = sent {
            // Still retriable after all retries: nothing has been committed, so giving up is safe.
            return error.requiresAbort || error.isRetriable ? await abort(because: error) : .fatal(error)
        }
        do {
            try await commit()
            return .committed
        } catch {
            let error = Self.kafkaError(error, "commit transaction")
            return error.requiresAbort ? await abort(because: error) : .fatal(error)
        }
    }

    private func abort(because error: KafkaError) async -> TransactionOutcome {
        do {
            try await abort()
        } catch {
            return .fatal(Self.kafkaError(error, "abort transaction"))
        }
        // By now every record has its report; a record's own failure says more than what the transaction made of it.
        let cause = open.withLock { $0.batches.lazy.compactMap(\.firstFailure).first } ?? error
        logger.notice("Aborted a Kafka transaction", metadata: ["error": "\(cause)"])
        return .aborted(cause)
    }

    // MARK: The single steps

    /// Fences earlier producers with the same transactional id and settles their open transaction. Once, before anything
    /// else.
    public func initTransactions() async throws {
        let timeout = configuration.transactionTimeout
        try await retrying { try $0.initTransactions(timeout: timeout) }
    }

    /// Settles the open transaction of an earlier producer with the same transactional id, which may have died, and closes.
    public func releaseAbandoned() async throws {
        let result: Result<Void, any Error>
        do {
            result = .success(try await initTransactions())
        } catch {
            result = .failure(error)
        }
        await close(deadline: .seconds(2))
        try result.get()
    }

    /// Begins a transaction. Do so at its first record: an open one blocks `read_committed` readers.
    public func begin() throws {
        try core.immediately { try $0.beginTransaction() }
        open.withLock { $0 = OpenTransaction() }
    }

    /// Enqueues records in the open transaction, waiting for room, and has them sent; ``commit()`` waits for their delivery.
    ///
    /// - Throws: ``KafkaError`` at the first record that is refused, with its `recordIndex`: abort then.
    public func produce(_ records: [ProducerRecord]) async throws {
        guard !records.isEmpty else { return }
        let firstIndex = open.withLock { open in
            defer { open.recordCount += records.count }
            return open.recordCount
        }
        let batch = try core.makeBatch(records, firstIndex: firstIndex)
        open.withLock { open in
            // A transaction of many calls does not hold on to what it has delivered.
            open.batches.removeAll(where: \.isDelivered)
            open.batches.append(batch)
        }
        switch await core.enqueueWaiting(records, from: 0, batch: batch) {
        case .done: core.startFlush()
        case .refused(let index, var error), .stopped(let index, var error):
            batch.failed(from: index, error)
            error.recordIndex = firstIndex + index
            throw error
        }
    }

    /// Adds consumer offsets to the open transaction, and this producer's transactional id as their metadata: who finds them
    /// locked learns by whom.
    public func sendOffsets(_ offsets: [TopicPartition: Int64], group: ConsumerGroupMetadata) async throws {
        guard !offsets.isEmpty else { return }
        let metadata = configuration.transactionalID
        try await retrying { try $0.sendOffsets(offsets, metadata: metadata, group: group) }
    }

    /// Waits for every record's delivery and commits.
    public func commit() async throws {
        try await retrying { try $0.commitTransaction() }
    }

    /// Drops what is unsent and aborts.
    public func abort() async throws {
        try await retrying { try $0.abortTransaction() }
    }

    /// Makes the same call again while its error says so, with a growing pause, for at most the transaction timeout.
    private func retrying(_ call: @escaping @Sendable (ProducerHandle) throws -> Void) async throws {
        let deadline = ContinuousClock.now + configuration.transactionTimeout
        var pause = Duration.milliseconds(20)
        while true {
            do {
                return try await core.blocking(call)
            } catch let error as KafkaError where error.isRetriable && !error.requiresAbort && !error.isFatal {
                guard ContinuousClock.now + pause < deadline else { throw error }
                logger.debug("Retrying a transaction call", metadata: ["error": "\(error)"])
                // Not cancellable: a transaction that has begun must be ended.
                await Latch().wait(pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    private static func result(_ body: () async throws -> Void) async -> Result<Void, KafkaError> {
        do {
            return .success(try await body())
        } catch {
            return .failure(kafkaError(error, "transaction"))
        }
    }

    private static func kafkaError(_ error: any Error, _ operation: String) -> KafkaError {
        (error as? KafkaError) ?? .closed(operation)
    }

    // MARK: Metadata and close

    /// How many partitions the topic has. Kept for half a minute.
    public func partitionCount(of topic: String) async throws -> Int {
        try await core.partitionCount(of: topic)
    }

    /// Frees the client. A transaction that is still open is left to the broker's timeout or the next
    /// ``initTransactions()``. Idempotent; returns at the deadline at the latest.
    public func close(deadline: Duration = .seconds(10)) async {
        await core.close(deadline: deadline)
    }

    public var isClosed: Bool { core.isClosed }
}
