import CRdKafka
import Logging

/// The synchronous face of one librdkafka admin client. Every call blocks for a broker's answer.
final class AdminHandle: Sendable {
    let client: ClientHandle

    init(_ properties: NativeProperties, isolation: OffsetIsolation, logger: Logger) throws {
        var properties = properties
        // A consumer's property, but librdkafka asks every client's for the offsets it looks up.
        if isolation == .readUncommitted { properties.set("isolation.level", "read_uncommitted") }
        client = try ClientHandle(RD_KAFKA_PRODUCER, properties: properties, logger: logger, isPolled: false)
    }

    func close() { client.destroy() }

    // MARK: Topics

    func createTopics(
        _ topics: [NewTopic], toleratesExisting: Bool, timeout: Duration
    ) throws -> [String: KafkaAdmin.TopicCreation] {
        try client.use("create topics") { client in
            var requests: [OpaquePointer?] = []
            defer { rd_kafka_NewTopic_destroy_array(&requests, requests.count) }
            for topic in topics { requests.append(try Self.request(for: topic)) }
            let operation = "create topics"
            let event = try perform(operation, client, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout) { options, queue in
                rd_kafka_CreateTopics(client, &requests, requests.count, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
            var creations: [String: KafkaAdmin.TopicCreation] = [:]
            for result in UnsafeBufferPointer(start: results, count: count) {
                let name = rd_kafka_topic_result_name(result).map { String(cString: $0) } ?? ""
                let code = rd_kafka_topic_result_error(result)
                if code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, toleratesExisting {
                    creations[name] = .alreadyExisted
                } else if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                    throw KafkaError(
                        "create topic \(name)", code,
                        reason: rd_kafka_topic_result_error_string(result).map { String(cString: $0) })
                } else {
                    creations[name] = .created
                }
            }
            return creations
        }
    }

    private static func request(for topic: NewTopic) throws -> OpaquePointer {
        let (created, reason) = withErrorString {
            rd_kafka_NewTopic_new(
                topic.name, Int32(clamping: topic.partitions), Int32(clamping: topic.replicationFactor ?? -1), $0, $1)
        }
        guard let created else {
            throw KafkaError.local("create topic \(topic.name)", RD_KAFKA_RESP_ERR__INVALID_ARG, reason)
        }
        for (name, value) in topic.configuration {
            let code = rd_kafka_NewTopic_set_config(created, name, value)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                rd_kafka_NewTopic_destroy(created)
                throw KafkaError("create topic \(topic.name), property \(name)", code)
            }
        }
        return created
    }

    func deleteTopics(_ names: [String], timeout: Duration) throws {
        try client.use("delete topics") { client in
            var requests: [OpaquePointer?] = names.map { rd_kafka_DeleteTopic_new($0) }
            defer { requests.forEach { rd_kafka_DeleteTopic_destroy($0) } }
            let operation = "delete topics"
            let event = try perform(operation, client, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout) { options, queue in
                rd_kafka_DeleteTopics(client, &requests, requests.count, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count)
            for result in UnsafeBufferPointer(start: results, count: count) {
                let name = rd_kafka_topic_result_name(result).map { String(cString: $0) } ?? ""
                try check("delete topic \(name)", rd_kafka_topic_result_error(result))
            }
        }
    }

    // MARK: Offsets

    func offsets(
        _ partitions: [TopicPartition], _ query: OffsetQuery, timeout: Duration
    ) throws -> [TopicPartition: Int64?] {
        try client.use("offsets") { client in
            var offsets: [TopicPartition: Int64?] = [:]
            switch query {
            case .earliest, .latest:
                for partition in partitions {
                    let (low, high) = try queryWatermarks(client, partition, timeout: timeout)
                    offsets.updateValue(query == .earliest ? low : high, forKey: partition)
                }
            case .timestamp(let time):
                let list = try PartitionList("offsets for time", Set(partitions).map { ($0, time) })
                try check(
                    "offsets for time",
                    rd_kafka_offsets_for_times(client, list.pointer, timeout.millisecondsForC))
                offsets = try list.offsets("offset for time of")
            }
            return offsets
        }
    }

    func committedOffsets(
        group: String, _ partitions: [TopicPartition]?, timeout: Duration
    ) throws -> [TopicPartition: Int64?] {
        let operation = "committed offsets of group \(group)"
        let list = try partitions.map { try PartitionList(operation, partitions: Set($0)) }
        return try withCommittedOffsets(operation, group, list, timeout) {
            try Self.groupOffsets(operation, $0)
        }
    }

    func committedMetadata(
        group: String, _ partitions: [TopicPartition], timeout: Duration
    ) throws -> [TopicPartition: String] {
        let operation = "committed metadata of group \(group)"
        let list = try PartitionList(operation, partitions: Set(partitions))
        return try withCommittedOffsets(operation, group, list, timeout) { results in
            var metadata: [TopicPartition: String] = [:]
            for result in results {
                try Self.checkResult(operation, result)
                guard let found = rd_kafka_group_result_partitions(result) else { continue }
                for element in PartitionList.elements(found) where element.metadata_size > 0 {
                    let bytes = UnsafeRawBufferPointer(start: element.metadata, count: element.metadata_size)
                    metadata[element.topicPartition] = String(decoding: bytes, as: UTF8.self)
                }
            }
            return metadata
        }
    }

    /// The results are the request's and live as long as the call.
    func withCommittedOffsets<Result>(
        _ operation: String, _ group: String, _ list: PartitionList?, _ timeout: Duration,
        requiresStable: Bool = false,
        _ body: (UnsafeBufferPointer<OpaquePointer?>) throws -> Result
    ) throws -> Result {
        try Self.checkGroup(operation, group)
        return try client.use(operation) { client in
            var request = rd_kafka_ListConsumerGroupOffsets_new(group, list?.pointer)
            defer { rd_kafka_ListConsumerGroupOffsets_destroy(request) }
            let event = try perform(
                operation, client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout
            ) { options, queue in
                if requiresStable, let error = rd_kafka_AdminOptions_set_require_stable_offsets(options, 1) {
                    rd_kafka_error_destroy(error)
                }
                rd_kafka_ListConsumerGroupOffsets(client, &request, 1, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let results = rd_kafka_ListConsumerGroupOffsets_result_groups(
                rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)
            return try body(UnsafeBufferPointer(start: results, count: count))
        }
    }

    func setCommittedOffsets(group: String, _ offsets: [TopicPartition: Int64], timeout: Duration) throws {
        let operation = "set offsets of group \(group)"
        try Self.checkGroup(operation, group)
        let list = try PartitionList(operation, offsets.map { ($0.key, $0.value) })
        try client.use(operation) { client in
            var request = rd_kafka_AlterConsumerGroupOffsets_new(group, list.pointer)
            defer { rd_kafka_AlterConsumerGroupOffsets_destroy(request) }
            let event = try perform(
                operation, client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout
            ) { options, queue in
                rd_kafka_AlterConsumerGroupOffsets(client, &request, 1, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
                rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count)
            _ = try Self.groupOffsets(operation, UnsafeBufferPointer(start: results, count: count))
        }
    }

    /// librdkafka asserts on an empty group name.
    static func checkGroup(_ operation: String, _ group: String) throws {
        if group.isEmpty {
            throw KafkaError.local(operation, RD_KAFKA_RESP_ERR__INVALID_ARG, "the group name is empty")
        }
    }

    private static func groupOffsets(
        _ operation: String, _ results: UnsafeBufferPointer<OpaquePointer?>
    ) throws -> [TopicPartition: Int64?] {
        var offsets: [TopicPartition: Int64?] = [:]
        for result in results {
            try checkResult(operation, result)
            guard
                let partitions = rd_kafka_group_result_partitions(result),
                let copy = rd_kafka_topic_partition_list_copy(partitions)
            else { continue }
            offsets.merge(try PartitionList(consuming: copy).offsets(operation)) { $1 }
        }
        return offsets
    }

    private static func checkResult(_ operation: String, _ result: OpaquePointer?) throws {
        // Borrowed: belongs to the event.
        guard let error = rd_kafka_group_result_error(result) else { return }
        throw KafkaError(
            operation, rd_kafka_error_code(error),
            reason: rd_kafka_error_string(error).map { String(cString: $0) })
    }

    // MARK: Requests

    /// Sends one admin request and waits for its event, which the caller destroys.
    func perform(
        _ operation: String, _ client: OpaquePointer, _ kind: rd_kafka_admin_op_t, _ timeout: Duration,
        _ send: (_ options: OpaquePointer, _ queue: OpaquePointer) -> Void
    ) throws -> OpaquePointer {
        guard let options = rd_kafka_AdminOptions_new(client, kind), let queue = rd_kafka_queue_new(client) else {
            throw KafkaError(operation, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        }
        defer {
            rd_kafka_AdminOptions_destroy(options)
            rd_kafka_queue_destroy(queue)
        }
        let (code, reason) = withErrorString {
            rd_kafka_AdminOptions_set_request_timeout(options, timeout.millisecondsForC, $0, $1)
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(operation, code, reason: reason) }
        send(options, queue)
        // The request times out by itself; the margin is for librdkafka's own turn.
        guard let event = rd_kafka_queue_poll(queue, (timeout + .seconds(5)).millisecondsForC) else {
            throw KafkaError.timedOut(operation, after: timeout)
        }
        let error = rd_kafka_event_error(event)
        if error != RD_KAFKA_RESP_ERR_NO_ERROR {
            defer { rd_kafka_event_destroy(event) }
            throw KafkaError(
                operation, error, reason: rd_kafka_event_error_string(event).map { String(cString: $0) })
        }
        return event
    }
}
