/// How a ``KafkaProducer`` writes: acknowledged by every in-sync replica and idempotent, always.
public struct ProducerConfiguration: Sendable {
    public enum Compression: String, Sendable, CaseIterable {
        case none, gzip, snappy, lz4, zstd
    }

    public var kafka: KafkaConfiguration
    /// How long a record may wait for company in its batch.
    public var linger = Duration.milliseconds(5)
    public var maximumBatchBytes = 1_000_000
    public var maximumBatchRecords = 10_000
    public var compression = Compression.none
    /// The largest record accepted, key, value and headers before compression. The broker has a limit of its own.
    public var maximumRecordBytes = 1_000_000
    /// How long a record may take from enqueueing to its report, retries included; also how long a full queue is waited for.
    public var deliveryTimeout = Duration.seconds(30)
    /// Records enqueued and not yet reported before enqueueing waits.
    public var maximumQueuedRecords = 100_000
    /// Bytes enqueued and not yet reported before enqueueing waits.
    public var maximumQueuedBytes = 256 << 20

    public init(kafka: KafkaConfiguration) {
        self.kafka = kafka
    }

    func nativeProperties() -> NativeProperties {
        var properties = NativeProperties(kafka)
        properties.set("acks", "all")
        properties.set("enable.idempotence", "true")
        properties.set("delivery.report.only.error", "false")
        properties.setDefault("linger.ms", linger)
        properties.setDefault("batch.size", maximumBatchBytes)
        properties.setDefault("batch.num.messages", maximumBatchRecords)
        properties.setDefault("compression.codec", compression.rawValue)
        properties.setDefault("message.max.bytes", maximumRecordBytes)
        properties.setDefault("delivery.timeout.ms", deliveryTimeout)
        properties.setDefault("queue.buffering.max.messages", maximumQueuedRecords)
        properties.setDefault("queue.buffering.max.kbytes", max(maximumQueuedBytes / 1024, 1))
        properties.setDefault("reconnect.backoff.max.ms", Duration.seconds(2))
        // A transaction's request that meets the end of the one before is refused and asked again: 100 ms, the library's
        // default, would be most of a result's latency.
        properties.setDefault("retry.backoff.ms", Duration.milliseconds(5))
        // The Java client's partitioner: the same key goes to the same partition whoever writes it.
        properties.setDefault("partitioner", "murmur2_random")
        return properties
    }
}

/// How a ``TransactionalProducer`` writes.
public struct TransactionalProducerConfiguration: Sendable {
    public var producer: ProducerConfiguration
    /// Stable across restarts and never shared: a second producer with it fences the first.
    public var transactionalID: String
    /// The broker aborts a transaction that is open for longer; an open one blocks every `read_committed` reader.
    public var transactionTimeout = Duration.seconds(30)

    public init(producer: ProducerConfiguration, transactionalID: String) {
        self.producer = producer
        self.transactionalID = transactionalID
    }

    func nativeProperties() throws(KafkaConfigurationError) -> NativeProperties {
        guard !transactionalID.isEmpty else {
            throw KafkaConfigurationError(key: "transactional.id", reason: "is empty")
        }
        var producer = producer
        // librdkafka refuses a record that may outlive its transaction.
        producer.deliveryTimeout = min(producer.deliveryTimeout, transactionTimeout)
        var properties = producer.nativeProperties()
        properties.set("transactional.id", transactionalID)
        properties.set("transaction.timeout.ms", transactionTimeout)
        return properties
    }
}
