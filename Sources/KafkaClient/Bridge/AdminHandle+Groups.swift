import CRdKafka

extension AdminHandle {
    func groups(timeout: Duration) throws -> [GroupListing] {
        let operation = "list groups"
        return try client.use(operation) { client in
            let event = try perform(
                operation, client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout
            ) { options, queue in
                rd_kafka_ListConsumerGroups(client, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            let result = rd_kafka_event_ListConsumerGroups_result(event)
            var count = 0
            // Borrowed: errors and listings belong to the event.
            let errors = rd_kafka_ListConsumerGroups_result_errors(result, &count)
            for error in UnsafeBufferPointer(start: errors, count: count) {
                try Self.checkBorrowed(operation, error)
            }
            let listings = rd_kafka_ListConsumerGroups_result_valid(result, &count)
            return UnsafeBufferPointer(start: listings, count: count).compactMap { $0 }.map { listing in
                let state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(listing))
                return GroupListing(
                    id: rd_kafka_ConsumerGroupListing_group_id(listing).map { String(cString: $0) } ?? "",
                    state: state.map { String(cString: $0) } ?? "Unknown",
                    isSimple: rd_kafka_ConsumerGroupListing_is_simple_consumer_group(listing) != 0)
            }.sorted { $0.id < $1.id }
        }
    }

    func deleteGroups(_ names: [String], timeout: Duration) throws -> [String: Result<Void, KafkaError>] {
        let operation = "delete groups"
        let names = Set(names).sorted()
        for name in names { try Self.checkGroup(operation, name) }
        return try client.use(operation) { client in
            var requests: [OpaquePointer?] = names.map { rd_kafka_DeleteGroup_new($0) }
            defer { requests.forEach { rd_kafka_DeleteGroup_destroy($0) } }
            let event = try perform(operation, client, RD_KAFKA_ADMIN_OP_DELETEGROUPS, timeout) { options, queue in
                rd_kafka_DeleteGroups(client, &requests, requests.count, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let results = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count)
            var outcomes: [String: Result<Void, KafkaError>] = [:]
            for result in UnsafeBufferPointer(start: results, count: count) {
                let name = rd_kafka_group_result_name(result).map { String(cString: $0) } ?? ""
                outcomes[name] = Result { () throws(KafkaError) in
                    try Self.checkBorrowed("delete group \(name)", rd_kafka_group_result_error(result))
                }
            }
            return outcomes
        }
    }

    func deleteCommittedOffsets(
        group: String, _ partitions: [TopicPartition], timeout: Duration
    ) throws -> [TopicPartition: Result<Void, KafkaError>] {
        let operation = "delete offsets of group \(group)"
        try Self.checkGroup(operation, group)
        let list = try PartitionList(operation, partitions: Set(partitions))
        return try client.use(operation) { client in
            var request = rd_kafka_DeleteConsumerGroupOffsets_new(group, list.pointer)
            defer { rd_kafka_DeleteConsumerGroupOffsets_destroy(request) }
            let event = try perform(
                operation, client, RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, timeout
            ) { options, queue in
                rd_kafka_DeleteConsumerGroupOffsets(client, &request, 1, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let results = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
                rd_kafka_event_DeleteConsumerGroupOffsets_result(event), &count)
            var outcomes: [TopicPartition: Result<Void, KafkaError>] = [:]
            for result in UnsafeBufferPointer(start: results, count: count) {
                try Self.checkBorrowed(operation, rd_kafka_group_result_error(result))
                guard let found = rd_kafka_group_result_partitions(result) else { continue }
                for element in PartitionList.elements(found) {
                    outcomes[element.topicPartition] =
                        element.err == RD_KAFKA_RESP_ERR_NO_ERROR
                        ? .success(()) : .failure(KafkaError("\(operation) \(element.topicPartition)", element.err))
                }
            }
            return outcomes
        }
    }

    func pendingPartitions(
        group: String, _ partitions: [TopicPartition], timeout: Duration
    ) throws -> Set<TopicPartition> {
        let operation = "pending offsets of group \(group)"
        let list = try PartitionList(operation, partitions: Set(partitions))
        // Asked for stable offsets only, a broker has an error in the place of each that a transaction holds (KIP-447).
        return try withCommittedOffsets(operation, group, list, timeout, requiresStable: true) { results in
            var pending: Set<TopicPartition> = []
            for result in results {
                try Self.checkBorrowed(operation, rd_kafka_group_result_error(result))
                guard let found = rd_kafka_group_result_partitions(result) else { continue }
                for element in PartitionList.elements(found) {
                    if element.err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT {
                        pending.insert(element.topicPartition)
                    } else {
                        try check("\(operation) \(element.topicPartition)", element.err)
                    }
                }
            }
            return pending
        }
    }

    func logBounds(_ partitions: [TopicPartition], timeout: Duration) throws -> [TopicPartition: LogBounds] {
        try client.use("log bounds") { client in
            var bounds: [TopicPartition: LogBounds] = [:]
            for partition in Set(partitions) {
                let (low, high) = try queryWatermarks(client, partition, timeout: timeout)
                bounds[partition] = LogBounds(start: low, end: high)
            }
            return bounds
        }
    }

    /// Throws a copy of an error object that belongs to somebody else.
    static func checkBorrowed(_ operation: String, _ error: OpaquePointer?) throws(KafkaError) {
        guard let error, rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        throw KafkaError(
            operation, rd_kafka_error_code(error),
            reason: rd_kafka_error_string(error).map { String(cString: $0) })
    }
}
