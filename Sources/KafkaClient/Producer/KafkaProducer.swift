public import Logging
import Synchronization

/// Writes records, acknowledged by every in-sync replica, once each and in order per partition.
///
/// ```swift
/// let producer = try KafkaProducer(ProducerConfiguration(kafka: kafka), logger: logger)
/// for report in try await producer.produce(records) { _ = try report.get() }
/// await producer.close()
/// ```
public final class KafkaProducer: Sendable {
    public let configuration: ProducerConfiguration
    private let core: ProducerCore

    /// Connects in the background; an unreachable cluster shows as failed reports once the delivery timeout passed.
    ///
    /// - Throws: ``KafkaConfigurationError`` naming the property that cannot be used.
    public init(_ configuration: ProducerConfiguration, logger: Logger) throws {
        self.configuration = configuration
        core = try ProducerCore(configuration.nativeProperties(), configuration, isTransactional: false, logger: logger)
    }

    /// Writes the records, without letting them linger, and waits for every report.
    ///
    /// A full queue is waited for, up to the delivery timeout. Records are enqueued in order; calls that overlap
    /// interleave. Cancellation stops enqueueing; what is enqueued is still waited for.
    ///
    /// - Returns: one report a record, in the order of `records`.
    /// - Throws: ``KafkaError`` (`isClosed`) when nothing was enqueued because the producer is closed.
    public func produce(_ records: [ProducerRecord]) async throws -> [DeliveryReport] {
        try await core.produce(records)
    }

    /// Enqueues the records without waiting, for clients that keep many in flight.
    ///
    /// - Parameter onDelivery: called once with one report a record, on a thread that must not be blocked.
    /// - Throws: ``KafkaError`` (`isQueueFull`) when the queue had no room for all of them: then none of the *remaining*
    ///   records is enqueued, their reports say so, and `recordIndex` is the first of them. `onDelivery` is called still.
    public func enqueue(
        _ records: [ProducerRecord], onDelivery: @escaping @Sendable ([DeliveryReport]) -> Void
    ) throws {
        try core.enqueue(records, onDelivery: onDelivery)
    }

    /// Enqueues one record without waiting; see ``enqueue(_:onDelivery:)``.
    public func enqueue(
        _ record: ProducerRecord, onDelivery: @escaping @Sendable (DeliveryReport) -> Void
    ) throws {
        try core.enqueue([record]) { reports in reports.forEach(onDelivery) }
    }

    /// Waits until every record enqueued before has its report.
    ///
    /// - Throws: ``KafkaError`` (`isTimeout`) when the deadline passed first; the records stay enqueued.
    public func flush(deadline: Duration) async throws {
        try await core.blocking { try $0.flush(deadline: deadline) }
    }

    /// How many partitions the topic has. Kept for half a minute.
    public func partitionCount(of topic: String) async throws -> Int {
        try await core.partitionCount(of: topic)
    }

    /// Flushes, fails what is not delivered, and frees the client. Idempotent. Returns at the deadline at the latest; what
    /// is not done by then goes on in the background.
    public func close(deadline: Duration = .seconds(10)) async {
        await core.close(deadline: deadline)
    }

    public var isClosed: Bool { core.isClosed }
}
