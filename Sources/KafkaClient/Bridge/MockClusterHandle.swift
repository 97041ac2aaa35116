import CRdKafka
import Glibc
import Logging
import Synchronization

/// Owns one `rd_kafka_mock_cluster_t` and the client that librdkafka wants for its bookkeeping.
final class MockClusterHandle: @unchecked Sendable {
    private let client: ClientHandle
    private let cluster: OpaquePointer
    let bootstrapServers: String
    private let isStopped = Mutex(false)

    init(brokerCount: Int, logger: Logger) throws {
        // No broker is ever contacted by this client.
        let configuration = try KafkaConfiguration(bootstrapServers: "127.0.0.1:1", clientID: "embedded-cluster")
        client = try ClientHandle(
            RD_KAFKA_PRODUCER, properties: NativeProperties(detached: configuration), logger: logger,
            isPolled: false)
        let created = try client.use("embedded cluster") { client -> (OpaquePointer, String) in
            // Its thread takes an interrupted poll for the end, closes every port and frees what it owns a second
            // time at destruction (librdkafka 2.0.2). Threads inherit the mask: no signal may be delivered to it.
            let created = withSignalsBlocked { rd_kafka_mock_cluster_new(client, Int32(clamping: brokerCount)) }
            guard let cluster = created else {
                throw KafkaError.local(
                    "embedded cluster", RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE,
                    "could not listen on \(brokerCount) loopback ports")
            }
            return (cluster, rd_kafka_mock_cluster_bootstraps(cluster).map { String(cString: $0) } ?? "")
        }
        (cluster, bootstrapServers) = created
    }

    func use(_ operation: String, _ call: (OpaquePointer) -> rd_kafka_resp_err_t) throws {
        try client.use(operation) { _ in try check(operation, call(cluster)) }
    }

    func createTopic(_ name: String, partitions: Int32, replicationFactor: Int32) throws {
        try use("create topic \(name)") { rd_kafka_mock_topic_create($0, name, partitions, replicationFactor) }
    }

    func setTopicError(_ topic: String, _ code: Int32) throws {
        try use("set topic error") {
            rd_kafka_mock_topic_set_error($0, topic, rd_kafka_resp_err_t(rawValue: code))
            return RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    func setLeader(_ partition: TopicPartition, broker: Int32) throws {
        try use("set leader of \(partition)") {
            rd_kafka_mock_partition_set_leader($0, partition.topic, partition.partition, broker)
        }
    }

    func setBroker(_ id: Int32, isUp: Bool) throws {
        try use("set broker \(id) \(isUp ? "up" : "down")") {
            isUp ? rd_kafka_mock_broker_set_up($0, id) : rd_kafka_mock_broker_set_down($0, id)
        }
    }

    func setRoundTripTime(_ id: Int32, milliseconds: Int32) throws {
        try use("set round-trip time") { rd_kafka_mock_broker_set_rtt($0, id, milliseconds) }
    }

    func setCoordinator(kind: String, key: String, broker: Int32) throws {
        try use("move coordinator of \(kind) \(key)") { rd_kafka_mock_coordinator_set($0, kind, key, broker) }
    }

    func pushErrors(api: Int16, _ codes: [Int32]) throws {
        let errors = codes.map { rd_kafka_resp_err_t(rawValue: $0) }
        try use("push request errors") {
            rd_kafka_mock_push_request_errors_array($0, api, errors.count, errors)
            return RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    func clearErrors(api: Int16) throws {
        try use("clear request errors") {
            rd_kafka_mock_clear_request_errors($0, api)
            return RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// Blocks for a few milliseconds.
    func stop() {
        let isFirst = isStopped.withLock { isStopped in
            defer { isStopped = true }
            return !isStopped
        }
        guard isFirst else { return }
        client.destroy { _ in rd_kafka_mock_cluster_destroy(cluster) }
    }
}

/// Calls `body` with every signal blocked in this thread, and puts the mask back.
private func withSignalsBlocked<Result>(_ body: () -> Result) -> Result {
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    return body()
}
