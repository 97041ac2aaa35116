public import Logging

/// A small Kafka cluster inside this process, on loopback ports that any client can connect to.
///
/// librdkafka's mock cluster, which its authors call experimental. It creates topics on demand (four partitions), serves
/// groups, idempotence and the transaction calls, and injects faults. It is good for flow, faults and demonstrations,
/// and proves nothing about exactly-once: it keeps no transactional offsets and no control records, so aborted records
/// are read. It answers no admin calls and no offsets for times. A partition keeps about its last 5 MB; a group's first
/// join takes about 3 s; everything is gone when it stops.
public final class EmbeddedCluster: Sendable {
    /// `host:port`, comma-separated.
    public let bootstrapServers: String
    /// Brokers are numbered from 1 to this.
    public let brokerCount: Int
    /// What ``createTopic(_:partitions:)`` creates when not told otherwise.
    public let defaultPartitionCount: Int
    private let handle: MockClusterHandle

    /// - Throws: ``KafkaError`` when the loopback ports cannot be had.
    public init(
        brokerCount: Int = 1, defaultPartitionCount: Int = 4,
        logger: Logger = Logger(label: "embedded-cluster", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws {
        self.brokerCount = min(max(brokerCount, 1), 100)
        self.defaultPartitionCount = min(max(defaultPartitionCount, 1), 10_000)
        handle = try MockClusterHandle(brokerCount: self.brokerCount, logger: logger)
        bootstrapServers = handle.bootstrapServers
    }

    deinit { stop() }

    /// - Throws: ``KafkaError`` (`isTopicAlreadyExists`).
    public func createTopic(_ name: String, partitions: Int? = nil) throws {
        try handle.createTopic(
            name, partitions: Int32(clamping: partitions ?? defaultPartitionCount),
            replicationFactor: Int32(clamping: min(brokerCount, 3)))
    }

    /// Disconnects everyone and ends. Idempotent; blocks for some milliseconds.
    public func stop() { handle.stop() }
}

// MARK: - Faults

extension EmbeddedCluster {
    /// The requests whose answers can be made to fail, by their Kafka protocol API key.
    public enum Request: Int16, Sendable, CaseIterable {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case offsetFetch = 9
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case leaveGroup = 13
        case syncGroup = 14
        case initProducerID = 22
        case addPartitionsToTransaction = 24
        case addOffsetsToTransaction = 25
        case endTransaction = 26
        case transactionOffsetCommit = 28
    }

    /// A Kafka protocol error code.
    public struct Fault: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int32

        public init(rawValue: Int32) { self.rawValue = rawValue }

        public static let none = Fault(rawValue: 0)
        /// The broker closes the connection instead of answering.
        public static let disconnect = Fault(rawValue: -195)
        public static let unknownTopicOrPartition = Fault(rawValue: 3)
        public static let notLeaderForPartition = Fault(rawValue: 6)
        public static let requestTimedOut = Fault(rawValue: 7)
        public static let messageTooLarge = Fault(rawValue: 10)
        public static let coordinatorLoadInProgress = Fault(rawValue: 14)
        public static let coordinatorNotAvailable = Fault(rawValue: 15)
        public static let notCoordinator = Fault(rawValue: 16)
        public static let notEnoughReplicas = Fault(rawValue: 19)
        public static let illegalGeneration = Fault(rawValue: 22)
        public static let unknownMember = Fault(rawValue: 25)
        public static let rebalanceInProgress = Fault(rawValue: 27)
        public static let topicAuthorizationFailed = Fault(rawValue: 29)
        public static let groupAuthorizationFailed = Fault(rawValue: 30)
        public static let invalidProducerEpoch = Fault(rawValue: 47)
        public static let invalidTransactionState = Fault(rawValue: 48)
        public static let invalidProducerIDMapping = Fault(rawValue: 49)
        public static let concurrentTransactions = Fault(rawValue: 51)
        public static let transactionalIDAuthorizationFailed = Fault(rawValue: 53)
        public static let unknownProducerID = Fault(rawValue: 59)
        public static let fencedInstance = Fault(rawValue: 82)
        public static let invalidRecord = Fault(rawValue: 87)
        public static let producerFenced = Fault(rawValue: 90)
    }

    public enum Coordinated: Sendable {
        case group(String)
        case transaction(String)
    }

    /// The next answers to `request`, one a fault, fail with these.
    public func pushRequestErrors(_ request: Request, _ faults: [Fault]) throws {
        try handle.pushErrors(api: request.rawValue, faults.map(\.rawValue))
    }

    public func clearRequestErrors(_ request: Request) throws {
        try handle.clearErrors(api: request.rawValue)
    }

    /// What metadata says of the topic from now on.
    public func setTopicError(_ topic: String, _ fault: Fault) throws {
        try handle.setTopicError(topic, fault.rawValue)
    }

    /// Disconnects a broker and refuses connections, or takes them again. Leaders stay where they are.
    public func setBroker(_ id: Int32, isUp: Bool) throws {
        try handle.setBroker(id, isUp: isUp)
    }

    /// Delays every answer of a broker.
    public func setRoundTripTime(broker id: Int32, milliseconds: Int) throws {
        try handle.setRoundTripTime(id, milliseconds: Int32(clamping: milliseconds))
    }

    public func setLeader(of partition: TopicPartition, broker id: Int32) throws {
        try handle.setLeader(partition, broker: id)
    }

    /// Makes another broker the coordinator of a group or of a transactional id.
    public func moveCoordinator(of coordinated: Coordinated, to broker: Int32) throws {
        switch coordinated {
        case .group(let id): try handle.setCoordinator(kind: "group", key: id, broker: broker)
        case .transaction(let id): try handle.setCoordinator(kind: "transaction", key: id, broker: broker)
        }
    }
}
