/// How a ``KafkaConsumer`` reads. The defaults suit records that hold tensors: low latency, bounded memory.
public struct ConsumerConfiguration: Sendable {
    /// Where to start on a partition without a committed offset, or whose committed offset has been deleted.
    public enum OffsetReset: String, Sendable, CaseIterable {
        case earliest, latest, error
    }

    public enum IsolationLevel: String, Sendable, CaseIterable {
        case readCommitted = "read_committed"
        case readUncommitted = "read_uncommitted"
    }

    /// Eager assignors; cooperative-sticky is not offered, see ``KafkaConfiguration/ownedProperties``.
    public enum Assignor: String, Sendable, CaseIterable {
        case range
        case roundRobin = "roundrobin"
    }

    public var kafka: KafkaConfiguration
    public var groupID: String
    /// Static membership: a restart within the session timeout keeps its partitions without a rebalance.
    public var groupInstanceID: String?
    public var autoOffsetReset = OffsetReset.earliest
    public var isolationLevel = IsolationLevel.readCommitted
    public var assignor = Assignor.range
    /// How long a broker may hold a fetch that has nothing to answer: the price of an idle poll against latency.
    public var fetchWait = Duration.milliseconds(10)
    /// Records prefetched per partition before its fetching pauses. High on purpose: the bytes are the limit that counts,
    /// and a full queue may stall, see ``fetchQueueBackoff``.
    public var maximumQueuedRecords = 100_000
    /// Bytes prefetched per partition before its fetching pauses.
    public var maximumQueuedBytes = 32 << 20
    /// How long a partition whose queue was full waits before it fetches again, where librdkafka has the property.
    /// Version 2.0.2 has not, and may wait for a whole second: there, a reader faster than one full queue a second and
    /// partition is held to that rate, and only a larger queue helps.
    public var fetchQueueBackoff = Duration.milliseconds(10)
    /// A member that sent no heartbeat for so long loses its partitions; also how long a killed one keeps them.
    public var sessionTimeout = Duration.seconds(15)
    /// A member that did not drain for so long loses its partitions. At least the session timeout.
    public var maxPollInterval = Duration.seconds(300)
    /// Emit ``ConsumerEvent/endOfPartition(_:)`` each time a partition's end is reached.
    public var reportsEndOfPartition = false

    public init(kafka: KafkaConfiguration, groupID: String) {
        self.kafka = kafka
        self.groupID = groupID
    }

    func nativeProperties() throws(KafkaConfigurationError) -> NativeProperties {
        guard !groupID.isEmpty else {
            throw KafkaConfigurationError(key: "group.id", reason: "is empty; a consumer needs a group")
        }
        var properties = NativeProperties(kafka)
        properties.set("group.id", groupID)
        if let groupInstanceID { properties.set("group.instance.id", groupInstanceID) }
        properties.set("enable.auto.commit", "false")
        properties.set("enable.auto.offset.store", "false")
        properties.set("auto.offset.reset", autoOffsetReset.rawValue)
        properties.set("isolation.level", isolationLevel.rawValue)
        properties.set("session.timeout.ms", sessionTimeout)
        // Often enough that a rebalance, which members learn of with their heartbeats, waits for nobody for long.
        properties.setDefault("heartbeat.interval.ms", max(.milliseconds(100), sessionTimeout / 12))
        properties.set("max.poll.interval.ms", maxPollInterval)
        properties.set("enable.partition.eof", reportsEndOfPartition ? "true" : "false")
        properties.setDefault("partition.assignment.strategy", assignor.rawValue)
        properties.setDefault("fetch.wait.max.ms", fetchWait)
        properties.setDefault("queued.min.messages", maximumQueuedRecords)
        properties.setDefault("queued.max.messages.kbytes", max(maximumQueuedBytes / 1024, 1))
        properties.setDefault("fetch.queue.backoff.ms", fetchQueueBackoff, isOptional: true)
        properties.setDefault("reconnect.backoff.max.ms", Duration.seconds(2))
        // A read of offsets that a transaction has not settled yet is refused and asked again: 100 ms, the library's
        // default, would be most of a result's latency.
        properties.setDefault("retry.backoff.ms", Duration.milliseconds(5))
        return properties
    }
}
