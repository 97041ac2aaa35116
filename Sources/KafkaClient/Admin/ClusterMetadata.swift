/// What a cluster said of itself at one moment.
public struct ClusterMetadata: Sendable, Hashable {
    public struct Broker: Sendable, Hashable {
        public var id: Int32
        public var host: String
        public var port: Int
    }

    public struct Partition: Sendable, Hashable {
        public var id: Int32
        /// `nil` while there is none.
        public var leader: Int32?
        public var replicas: [Int32]
        public var inSyncReplicas: [Int32]
        public var error: KafkaError?
    }

    public struct Topic: Sendable, Hashable {
        public var name: String
        /// In order of their numbers.
        public var partitions: [Partition]
        public var error: KafkaError?

        public var topicPartitions: [TopicPartition] {
            partitions.map { TopicPartition(topic: name, partition: $0.id) }
        }
    }

    /// `nil` from brokers too old to have one.
    public var clusterID: String?
    public var controllerID: Int32?
    public var brokers: [Broker]
    /// By name; internal topics included.
    public var topics: [String: Topic]
}

/// A consumer group's state and members.
public struct GroupDescription: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public var id: String
        public var clientID: String
        public var instanceID: String?
        public var host: String
        public var partitions: [TopicPartition]
    }

    public var id: String
    /// As Kafka names it: `Stable`, `Empty`, `Dead`, `PreparingRebalance`, `CompletingRebalance`, `Unknown`.
    public var state: String
    public var assignor: String
    public var members: [Member]
}

/// A topic to be created.
public struct NewTopic: Sendable, Hashable {
    public var name: String
    public var partitions: Int
    /// `nil` is the broker's default.
    public var replicationFactor: Int?
    /// Topic properties: `cleanup.policy`, `retention.ms`, …
    public var configuration: [String: String]

    public init(
        name: String, partitions: Int, replicationFactor: Int? = nil, configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// A place in a partition, other than an offset.
public enum OffsetQuery: Sendable, Hashable {
    /// The first record kept.
    case earliest
    /// One after the last record.
    case latest
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC.
    case timestamp(Int64)
}
