import CRdKafka

extension KafkaError {
    /// Describes a bare response code.
    init(_ operation: String, _ code: rd_kafka_resp_err_t, reason: String? = nil, isFatal: Bool = false) {
        self.init(
            operation: operation, code: code.rawValue,
            name: rd_kafka_err2name(code).map { String(cString: $0) } ?? String(code.rawValue),
            reason: reason ?? rd_kafka_err2str(code).map { String(cString: $0) } ?? "unknown error",
            isFatal: isFatal || code == RD_KAFKA_RESP_ERR__FATAL,
            isRetriable: Self.transientCodes.contains(code.rawValue))
    }

    /// Describes and destroys an error object.
    init(_ operation: String, consuming error: OpaquePointer) {
        defer { rd_kafka_error_destroy(error) }
        self.init(
            operation: operation, code: rd_kafka_error_code(error).rawValue,
            name: rd_kafka_error_name(error).map { String(cString: $0) } ?? "",
            reason: rd_kafka_error_string(error).map { String(cString: $0) } ?? "unknown error",
            isFatal: rd_kafka_error_is_fatal(error) != 0,
            isRetriable: rd_kafka_error_is_retriable(error) != 0,
            requiresAbort: rd_kafka_error_txn_requires_abort(error) != 0)
    }

    /// An error of this module's own that belongs to librdkafka's vocabulary.
    static func local(_ operation: String, _ code: rd_kafka_resp_err_t, _ reason: String) -> KafkaError {
        KafkaError(operation, code, reason: reason)
    }

    static func closed(_ operation: String) -> KafkaError {
        local(operation, RD_KAFKA_RESP_ERR__DESTROY, "the client has been closed")
    }

    static func timedOut(_ operation: String, after deadline: Duration) -> KafkaError {
        local(operation, RD_KAFKA_RESP_ERR__TIMED_OUT, "not done within \(deadline)")
    }

    static func queueFull(_ operation: String, after deadline: Duration) -> KafkaError {
        local(operation, RD_KAFKA_RESP_ERR__QUEUE_FULL, "the producer's queue had no room for \(deadline)")
    }

    static func noAnswer(_ operation: String) -> KafkaError {
        local(operation, RD_KAFKA_RESP_ERR__FAIL, "the broker's answer does not mention it")
    }

    static func cancelled(_ operation: String) -> KafkaError {
        local(operation, RD_KAFKA_RESP_ERR__INTR, "cancelled while the producer's queue was full")
    }

    /// Bare codes carry no flags; these say that the cluster, not the call, was the problem.
    private static let transientCodes: Set<Int32> = Set(
        [
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        ].map(\.rawValue))
}

// MARK: - What an error means

extension KafkaError {
    private func isOneOf(_ codes: rd_kafka_resp_err_t...) -> Bool { codes.contains { $0.rawValue == code } }

    public var isTimeout: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT)
    }
    /// The producer's own queue is full: back-pressure, not a failure.
    public var isQueueFull: Bool { isOneOf(RD_KAFKA_RESP_ERR__QUEUE_FULL) }
    /// The record exceeds the producer's or the broker's limit; sending it again cannot help.
    public var isMessageTooLarge: Bool {
        isOneOf(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
    }
    /// Another instance took over this producer's or group member's identity.
    public var isFenced: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
    }
    public var isUnknownTopicOrPartition: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    }
    public var isTopicAlreadyExists: Bool { isOneOf(RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) }
    public var isAuthenticationFailure: Bool {
        isOneOf(RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
    }
    public var isAuthorizationFailure: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    }
    /// The cluster has no authorizer: there are no access rules, and everything is permitted.
    public var isSecurityDisabled: Bool { isOneOf(RD_KAFKA_RESP_ERR_SECURITY_DISABLED) }
    /// The cluster cannot be reached right now; the client keeps trying by itself.
    public var isConnectionFailure: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION)
    }
    /// The group moved on without this member: its uncommitted records belong to another member now.
    public var isGroupGenerationOver: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
    }
    /// This broker, or the embedded cluster, does not offer what was asked of it.
    public var isUnsupported: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION,
            RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)
    }
    /// The consumer has no offset to start from, and `auto.offset.reset` is `error`; or the offset has been deleted.
    public var isOffsetReset: Bool {
        isOneOf(
            RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR__NO_OFFSET,
            RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
    }
    public var isClosed: Bool { isOneOf(RD_KAFKA_RESP_ERR__DESTROY) }
    /// Dropped unsent by an aborted transaction or by closing.
    public var isPurged: Bool {
        isOneOf(RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    }
}
